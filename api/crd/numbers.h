// Numbers of custom resources as kube-openapi's validator holds them: what was written without a
// fraction and fits is Go's int64, all else a float64; and a limit of a schema is a float64, of
// which a whole number sees what Go's conversion to int64 leaves.
#pragma once

#include <cstdint>

#include "api/codec/json.h"

namespace skiff::crd {

// Whether Go has the number as an int64. 2.0 is none, nor is 2^63.
bool IsGoInt(const Json& value);

// Whether a float64 passes for an integer: only where it is exact, or nearly so. 2.0 does, 2^53
// does not.
bool PassesForInteger(double number);

// int64(number) on amd64, where whatever does not fit becomes the least one.
int64_t GoInt64(double number);

// Whether a fraction becomes that whole number of an enum in Go, which converts what it compares.
bool IsConverted(const Json& value, const Json& listed);

// By the validator's tolerance: 0.3 is a multiple of 0.1. `factor` is positive.
bool IsMultiple(double number, double factor);

}  // namespace skiff::crd
