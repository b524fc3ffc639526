/// PEFT's merges of factors: a rule on the elements of A and, separately, of B.
///
/// With cᵢ = wᵢ·sᵢ the weights are sgn(cᵢ)·√|cᵢ| for A and √|cᵢ| for B. The result is not the sum of the adapters' effects:
/// besides cᵢ·Bᵢ·Aᵢ the product holds the cross terms of all pairs. Nor does it depend on ΔW alone: B·G and G⁻¹·A give
/// another result.
struct FactorRule: Sendable {
    let rule: ElementSum

    static let linear = FactorRule(rule: .peftLinear)
    static func ties(_ options: MergeOptions) -> FactorRule { FactorRule(rule: .peftTIES(options)) }
    static func dareLinear(_ options: MergeOptions) -> FactorRule { FactorRule(rule: .peftDARELinear(options)) }
    static func dareTIES(_ options: MergeOptions) -> FactorRule { FactorRule(rule: .peftDARETIES(options)) }
    static func magnitudePrune(_ options: MergeOptions) -> FactorRule {
        FactorRule(rule: .peftMagnitudePrune(options))
    }
}
