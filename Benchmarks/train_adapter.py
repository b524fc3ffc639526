#!/usr/bin/env python3
"""Train a LoRA adapter with PEFT on random tokens, large enough that sizes mean something.

    train_adapter.py OUT --dtype bf16       (needs torch, transformers, peft)
"""
import argparse
import os

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], default="bfloat16")
    arguments = parser.parse_args()
    torch.manual_seed(1)
    config = LlamaConfig(hidden_size=1024, intermediate_size=2816, num_hidden_layers=2, num_attention_heads=16,
                         num_key_value_heads=4, vocab_size=512)
    config._name_or_path = "benchmark/small-llama"
    model = get_peft_model(LlamaForCausalLM(config), LoraConfig(
        r=arguments.rank, lora_alpha=32, task_type="CAUSAL_LM", target_modules="all-linear"))
    optimizer = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=1e-3)
    for _ in range(arguments.steps):
        tokens = torch.randint(0, 512, (4, 64))
        loss = model(input_ids=tokens, labels=tokens).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(getattr(torch, arguments.dtype))
    model.save_pretrained(arguments.out)


if __name__ == "__main__":
    main()
