// Numbers of custom resources as kube-openapi's validator holds them: what was written without a
// fraction and fits is Go's int64, all else a float64; and a limit of a schema is a float64, of
// which a whole number sees what Go's conversion to int64 leaves.
#pragma once

#include <cstdint>

#include "api/codec/go_equal.h"
#include "api/codec/json.h"

namespace skiff::crd {

// Whether a float64 passes for an integer: only where it is exact, or nearly so. 2.0 does, 2^53
// does not.
bool PassesForInteger(double number);

// int64(number) on amd64, where whatever does not fit becomes the least one.
int64_t GoInt64(double number);

// Whether Go, which converts what it compares to what an enum lists, makes of `value` what is
// listed: of a fraction a whole number, and of a whole number the text of the character of that
// number.
bool IsConverted(const Json& value, const Json& listed);

// By the validator's tolerance: 0.3 is a multiple of 0.1. `factor` is positive.
bool IsMultiple(double number, double factor);

}  // namespace skiff::crd
