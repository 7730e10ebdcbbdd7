// The order of merged lists in strategic merge patches.
#pragma once

#include <string>

#include "api/values.h"

namespace skiff {

// `merged` in the order of `wanted`. Items that are not in `wanted` keep the order they have in
// `before`, and stand in front of the next wanted item if they did so in `before`. Items are told
// apart by `key`, or by value when it is "".
Json OrderLike(const Json& merged, const Json& wanted, const Json& before, const std::string& key);

// Whether the items of `list` occur in `order`, in that sequence. Those that say that something
// told apart by its key is to go need not; others that say what is to be done need not before the
// last of `order`.
bool FollowsOrder(const Json& list, const Json& order, const std::string& key);

}  // namespace skiff
