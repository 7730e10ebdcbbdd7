// What authentication adds to whom it has found. Pure.
#pragma once

#include "apiserver/auth/user.h"

namespace skiff {

// Whoever is called anonymous is nobody that was authenticated, by whatever he is called so.
inline User WithAuthenticatedGroup(User user) {
  const bool has_one = user.InGroup(kGroupAuthenticated) || user.InGroup(kGroupUnauthenticated);
  if (user.name != kUserAnonymous && !has_one) {
    user.groups.emplace_back(kGroupAuthenticated);
  }
  return user;
}

}  // namespace skiff
