#include "apiserver/request/api_errors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unordered_set>

#include "api/text/go_text.h"
#include "api/violations.h"

namespace skiff {
namespace {

Error WithDetails(Reason reason, std::string message, GroupResource what, std::string_view name) {
  Error error{reason, std::move(message)};
  error.details = ErrorDetails{.name = std::string(name),
                               .group = std::string(what.group),
                               .kind = std::string(what.resource)};
  return error;
}

}  // namespace

std::string Quoted(std::string_view text) {
  return GoQuote(text);
}

std::string EscapeMarkup(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string JoinedErrors(const std::vector<std::string>& errors) {
  std::vector<std::string_view> each;
  std::unordered_set<std::string_view> seen;  // A user may have thousands of them, each once.
  for (const std::string& error : errors) {
    if (seen.insert(error).second) each.push_back(error);
  }
  return each.size() == 1 ? std::string(each.front()) : fmt::format("[{}]", fmt::join(each, ", "));
}

Error NotFoundError(GroupResource what, std::string_view name) {
  return WithDetails(Reason::kNotFound, what.Text() + " " + Quoted(name) + " not found", what,
                     name);
}

Error AlreadyExistsError(GroupResource what, std::string_view name) {
  return WithDetails(Reason::kAlreadyExists, what.Text() + " " + Quoted(name) + " already exists",
                     what, name);
}

Error ConflictError(GroupResource what, std::string_view name, std::string_view detail) {
  return WithDetails(
      Reason::kConflict,
      fmt::format("Operation cannot be fulfilled on {} {}: {}", what.Text(), Quoted(name), detail),
      what, name);
}

Error ModifiedError(GroupResource what, std::string_view name) {
  return ConflictError(what, name,
                       "the object has been modified; please apply your changes to the latest "
                       "version and try again");
}

Error NoVersionError(const KindInfo& kind, std::string_view name) {
  Violations wrong;
  wrong.Invalid(FieldPath("metadata").Child("resourceVersion"), 0,
                "must be specified for an update");
  return wrong.ToError(kind.group, kind.resource, name);
}

Error StaleObjectError(GroupResource what, std::string_view name, std::string_view key,
                       std::string_view why) {
  return ConflictError(
      what, name,
      fmt::format("StorageError: invalid object, Code: 4, Key: {}, ResourceVersion: 0, "
                  "AdditionalErrorMsg: {}",
                  key, why));
}

std::string UidMismatch(std::string_view given, std::string_view actual) {
  return fmt::format("Precondition failed: UID in precondition: {}, UID in object meta: {}", given,
                     actual);
}

Error Forbidden(GroupResource what, std::string_view name, std::string_view detail) {
  std::string message = what.Text();
  if (!name.empty()) message += " " + Quoted(name);
  return WithDetails(Reason::kForbidden, fmt::format("{} is forbidden: {}", message, detail), what,
                     name);
}

Error MethodNotSupported(GroupResource what, std::string_view action) {
  return WithDetails(
      Reason::kMethodNotAllowed,
      fmt::format("{} is not supported on resources of kind {}", action, Quoted(what.Text())), what,
      "");
}

Error InternalErrorOf(std::string_view detail) {
  Error error{Reason::kInternalError, fmt::format("Internal error occurred: {}", detail)};
  error.details.emplace();
  error.causes.push_back({.message = std::string(detail)});
  return error;
}

Error PlainError(std::string message) {
  return {.reason = Reason::kUnknown, .message = std::move(message), .http_code = 500};
}

Error UnknownResourceError() {
  Error error{Reason::kNotFound, "the server could not find the requested resource"};
  error.details.emplace();
  return error;
}

Error MethodNotAllowedHere() {
  Error error{Reason::kMethodNotAllowed,
              "the server does not allow this method on the requested resource"};
  error.details.emplace();
  return error;
}

Error LacksKinds() {
  Error error{Reason::kServiceUnavailable,
              "the request has been made before all known HTTP paths have been installed, please "
              "try again"};
  error.details = ErrorDetails{.retry_after_s = 5};
  return error;
}

Error TooLargeRevision(uint64_t asked, uint64_t current) {
  Error error{Reason::kTimeout,
              fmt::format("Timeout: Too large resource version: {}, current: {}", asked, current)};
  error.details = ErrorDetails{.retry_after_s = 1};
  error.causes.push_back(
      {.reason = "ResourceVersionTooLarge", .message = "Too large resource version"});
  return error;
}

Error RefusedForNow() {
  Error error{Reason::kTooManyRequests, "Too many requests, please try again later."};
  error.details = ErrorDetails{.retry_after_s = 1};
  return error;
}

Result<> MatchName(const std::string& given, const std::string& on_url) {
  if (given == on_url) return {};
  if (given.empty()) {
    return Fail(Reason::kBadRequest,
                fmt::format("the name of the object ({} based on URL) was undeterminable: name "
                            "must be provided",
                            on_url));
  }
  return Fail(Reason::kBadRequest,
              fmt::format("the name of the object ({}) does not match the name on the URL ({})",
                          given, on_url));
}

}  // namespace skiff
