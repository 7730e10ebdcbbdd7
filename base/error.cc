#include "base/error.h"

#include <array>

namespace skiff {
namespace {

constexpr std::array<std::string_view, 20> kReasons = {"",
                                                       "Unauthorized",
                                                       "Forbidden",
                                                       "NotFound",
                                                       "AlreadyExists",
                                                       "Conflict",
                                                       "Gone",
                                                       "Invalid",
                                                       "ServerTimeout",
                                                       "StorageReadError",
                                                       "Timeout",
                                                       "TooManyRequests",
                                                       "BadRequest",
                                                       "MethodNotAllowed",
                                                       "NotAcceptable",
                                                       "RequestEntityTooLarge",
                                                       "UnsupportedMediaType",
                                                       "InternalError",
                                                       "Expired",
                                                       "ServiceUnavailable"};

}  // namespace

std::string_view ReasonText(Reason reason) {
  return kReasons[static_cast<size_t>(reason)];
}

Reason ReasonFromText(std::string_view text) {
  for (size_t i = 0; i < kReasons.size(); ++i) {
    if (kReasons[i] == text) return static_cast<Reason>(i);
  }
  return Reason::kUnknown;
}

void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: CHECK(%s) failed\n", file, line, condition);
  std::abort();
}

}  // namespace skiff
