// The natural logarithm of the C library: scores of spreading grow with the number of domains by it.

import Glibc

func logarithm(_ x: Double) -> Double { Glibc.log(x) }
