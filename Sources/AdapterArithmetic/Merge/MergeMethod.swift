/// How the updates of several adapters become one low-rank update.
public enum MergeMethod: String, Sendable, Hashable, CaseIterable {
    // The weighted sum.

    /// Stack the factors: exact, and the ranks add up.
    case cat
    /// The best approximation of a given rank, from a singular value decomposition (Eckart and Young, 1936).
    case exact

    // Linear combinations whose coefficients depend on the adapters' inner products: exact on factors.

    /// Spherical interpolation of two adapters; straight when they are nearly collinear.
    case slerp
    /// Spherical interpolation of two adapters.
    case nuslerp
    /// Barycentric interpolation on a sphere.
    case multislerp
    /// The Karcher mean of the directions.
    case karcher
    /// The mean, shrunk by how far the adapters disagree.
    case modelStock = "model-stock"

    // On the elements of ΔW, mergekit's definitions.

    /// Keep the largest elements, elect signs, average those that agree (arXiv 2306.01708).
    case ties
    /// Keep random elements, rescale, add (arXiv 2311.03099).
    case dareLinear = "dare-linear"
    /// Keep random elements, rescale, elect signs, add those that agree.
    case dareTIES = "dare-ties"
    /// Keep the largest elements, add.
    case magnitudePrune = "magnitude-prune"
    /// Keep elements at random, the larger the likelier, rescale, elect signs, average (arXiv 2406.11617).
    case della
    /// As ``della``, added without elected signs.
    case dellaLinear = "della-linear"
    /// Drop the largest and the smallest elements, add (arXiv 2312.06795).
    case breadcrumbs
    /// As ``breadcrumbs``, with elected signs.
    case breadcrumbsTIES = "breadcrumbs-ties"
    /// Select by variance, weigh by energy, erase minorities (arXiv 2408.07990).
    case sce

    // On small cores.

    /// TIES in the common left singular basis (arXiv 2410.19735).
    case knotsTIES = "knots-ties"
    /// DARE with elected signs in the common left singular basis.
    case knotsDARE = "knots-dare"
    /// Any inner method on the cores in common left and right bases (arXiv 2509.17786).
    case coreSpace = "core-space"
    /// Task singular vectors, made orthogonal to each other (arXiv 2412.00081).
    case tsv
    /// The sum with all its singular values replaced by their mean (arXiv 2502.04959).
    case iso
    /// A shared subspace first, then an inner method on the cores (arXiv 2606.03723).
    case compressThenMerge = "ctm"

    // PEFT's own, for results that must be reproduced.

    /// PEFT's `linear`: factors are added, which is not the sum of the effects.
    case compatLinear = "compat-peft-linear"
    /// PEFT's `ties` on A and B separately.
    case compatTIES = "compat-peft-ties"
    /// PEFT's `dare_linear` on A and B separately.
    case compatDARELinear = "compat-peft-dare-linear"
    /// PEFT's `dare_ties` on A and B separately.
    case compatDARETIES = "compat-peft-dare-ties"
    /// PEFT's `magnitude_prune` on A and B separately.
    case compatMagnitudePrune = "compat-peft-magnitude-prune"
    /// PEFT's `ties_svd`.
    case compatTIESSVD = "compat-peft-ties-svd"
    /// PEFT's `dare_linear_svd`.
    case compatDARELinearSVD = "compat-peft-dare-linear-svd"
    /// PEFT's `dare_ties_svd`.
    case compatDARETIESSVD = "compat-peft-dare-ties-svd"
    /// PEFT's `magnitude_prune_svd`.
    case compatMagnitudePruneSVD = "compat-peft-magnitude-prune-svd"

    /// Whether it is one of PEFT's own.
    var isPEFT: Bool { rawValue.hasPrefix("compat-peft-") }
}
