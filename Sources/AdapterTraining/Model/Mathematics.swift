internal import Glibc

/// xʸ.
func power(_ x: Double, _ y: Double) -> Double { pow(x, y) }
/// eˣ.
func exponential(_ x: Double) -> Double { exp(x) }
/// The natural logarithm.
func logarithm(_ x: Double) -> Double { log(x) }
/// The cosine of an angle in radians.
func cosine(_ x: Double) -> Double { cos(x) }
/// The sine of an angle in radians.
func sine(_ x: Double) -> Double { sin(x) }
