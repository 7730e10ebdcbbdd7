// Errors as values. A Reason is the API's own word (metav1.StatusReason), from the store to the
// client; apiserver/respond alone maps it to an HTTP code.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <type_traits>
#include <utility>
#include <vector>

namespace skiff {

enum class Reason : uint8_t {
  kUnknown,
  kUnauthorized,
  kForbidden,
  kNotFound,
  kAlreadyExists,
  kConflict,
  kGone,
  kInvalid,
  kServerTimeout,
  kStorageReadError,
  kTimeout,
  kTooManyRequests,
  kBadRequest,
  kMethodNotAllowed,
  kNotAcceptable,
  kRequestEntityTooLarge,
  kUnsupportedMediaType,
  kInternalError,
  kExpired,
  kServiceUnavailable,
};

// "NotFound", "AlreadyExists", ...; "" for kUnknown.
std::string_view ReasonText(Reason reason);
// kUnknown for a word the API does not know.
Reason ReasonFromText(std::string_view text);

// metav1.StatusCause: one field of one document that is wrong.
struct Cause {
  std::string reason;  // "FieldValueInvalid", ...
  std::string message;
  std::string field;
  bool operator==(const Cause&) const = default;
};

// What a metav1.Status says beside its reason and message. `kind` is what StatusDetails calls kind:
// the plural resource, or the kind for Invalid.
struct ErrorDetails {
  std::string name;
  std::string group;
  std::string kind;
  std::string uid;
  int retry_after_s = 0;
  bool operator==(const ErrorDetails&) const = default;
};

struct Error {
  Reason reason = Reason::kUnknown;
  std::string message;
  std::vector<Cause> causes = {};
  std::optional<ErrorDetails> details = {};
  int http_code = 0;  // 0: the usual code of the reason.
  // Of an Expired list: where it can go on all the same (metadata.continue).
  std::string continue_token = {};
  // That the version asked for could not be made of what is kept: a conversion webhook failed, or
  // what it answered is no object.
  bool is_of_version = false;
};

template <typename T = void>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> Fail(Reason reason, std::string message) {
  return tl::unexpected<Error>(Error{reason, std::move(message)});
}
inline tl::unexpected<Error> Fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

// For TRY: tl::expected<void>::value() cannot be called on a temporary.
template <typename T>
T TakeValue(Result<T>&& result) {
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// The value of an expression of type Result<T>, or returns its error from the enclosing function.
// Stands alone or is a whole right-hand side, never an argument.
#define TRY(...)                                                             \
  __extension__({                                                            \
    auto try_result = (__VA_ARGS__);                                         \
    if (!try_result) return ::tl::unexpected(std::move(try_result).error()); \
    ::skiff::TakeValue(std::move(try_result));                               \
  })

// Crashes on a bug of our own, never on input.
#define CHECK(condition)                                                    \
  do {                                                                      \
    if (!(condition)) ::skiff::CheckFailed(#condition, __FILE__, __LINE__); \
  } while (false)

[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);

}  // namespace skiff
