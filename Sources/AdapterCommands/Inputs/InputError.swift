/// An argument that parses as text and still means nothing.
struct InputError: Error, CustomStringConvertible {
    let description: String

    static func malformedWeight(_ text: String) -> InputError {
        InputError(
            description:
                "Unable to read '\(text)': what follows '=' is not a number. Write REF=WEIGHT, such as team/a:v1=0.7.")
    }

    static func wrongWeightCount(_ text: String, _ count: Int, adapters: Int) -> InputError {
        InputError(
            description:
                "Unable to weigh modules by '\(text)': \(count) numbers are given for \(adapters) adapters. "
                + "Give one for all, or one for each.")
    }

    static func unmatchedPattern(_ pattern: String, example: String) -> InputError {
        InputError(
            description:
                "Unable to weigh modules by '\(pattern)': no module of any adapter has a name that matches. "
                + "Names are such as '\(example)'.")
    }

    static func unmatchedTarget(_ name: String, example: String) -> InputError {
        InputError(
            description:
                "Unable to extract '\(name)': no linear layer of the base model has such a path. "
                + "Paths are such as '\(example)'.")
    }

    static func malformedLabel(_ text: String) -> InputError {
        InputError(description: "Unable to read the label '\(text)': KEY=VALUE is expected.")
    }

    static func malformedBase(_ text: String) -> InputError {
        InputError(
            description:
                "Unable to read the base model '\(text)': NAME, NAME@REVISION or NAME@sha256:DIGEST is expected.")
    }

    static func unsignableFolder(_ path: String) -> InputError {
        InputError(
            description:
                "Unable to sign '\(path)': a folder has no place for a signature. Push it and sign the reference, or use "
                + "--format model-signing.")
    }

    static func folderNeeded(_ text: String) -> InputError {
        InputError(
            description:
                "Unable to sign '\(text)': OpenSSF model signing signs the files of a folder. Pull it first: adapterctl "
                + "pull \(text) -o FOLDER.")
    }

    static func expiredKey(_ name: String, _ expires: String) -> InputError {
        InputError(
            description:
                "Unable to sign with '\(name)': the key expired after \(expires). Renew it, adapterctl key trust \(name) "
                + "FILE --expires DATE, or use another key.")
    }

    static func referenceNeeded(_ text: String, verb: String) -> InputError {
        InputError(
            description:
                "Unable to \(verb) '\(text)': it is a path, a reference is needed so that the result can name its "
                + "parents. Push it first: adapterctl push \(text) NAME.")
    }
}
