#include "client/refusals.h"

#include <algorithm>

namespace skiff {

bool IsNamespaceTerminating(const Error& error) {
  return std::any_of(error.causes.begin(), error.causes.end(),
                     [](const Cause& cause) { return cause.reason == "NamespaceTerminating"; });
}

bool IsRefusal(const Error& error) {
  constexpr int kTooManyRequests = 429;
  return error.http_code >= 400 && error.http_code < 500 && error.http_code != kTooManyRequests;
}

}  // namespace skiff
