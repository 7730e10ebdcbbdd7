#include "api/violations.h"

#include <fmt/format.h>

#include <unordered_set>

#include "api/text/go_text.h"
#include "api/text/go_value.h"

namespace skiff {
namespace {

constexpr std::string_view kInvalidValue = "Invalid value";

std::string PrintedValue(const Json& value) {
  if (value.is_number_float()) return GoFloat(value.get<double>());
  return value.is_string() ? GoQuote(value.get_ref<const std::string&>()) : GoJson(value);
}

std::string Line(const Cause& cause) {
  return cause.field + ": " + cause.message;
}

// Three bytes of a list, "{},", may be wrong in several ways, each of which takes a hundred bytes
// to say, and a path may be as long as the document: nobody reads more than this.
constexpr size_t kCausesMax = 1000;
constexpr size_t kBytesMax = 1 << 20;
// The last cause, where there would be more.
constexpr std::string_view kLeftOut = "Too many: this error and those after it are not listed";

bool IsFull(const std::vector<Cause>& causes) {
  return !causes.empty() && causes.back().message == kLeftOut;
}

// Of few causes: looked at anew with each that is added.
size_t BytesOf(const std::vector<Cause>& causes) {
  size_t bytes = 0;
  for (const Cause& cause : causes) bytes += cause.field.size() + cause.message.size();
  return bytes;
}

void Keep(Cause cause, std::vector<Cause>& causes) {
  if (IsFull(causes)) return;
  if (causes.size() >= kCausesMax || BytesOf(causes) >= kBytesMax) {
    cause = {"FieldValueTooMany", std::string(kLeftOut), std::move(cause.field)};
  }
  causes.push_back(std::move(cause));
}

}  // namespace

std::string Printed::Struct(const Type& type, const void* object) {
  return GoJson(type, ToJson(type, object));
}

void Violations::Invalid(const FieldPath& path, const Json& value, std::string_view detail) {
  if (full()) return;  // Not even printed.
  AddValue("FieldValueInvalid", kInvalidValue, path, PrintedValue(value), detail);
}

void Violations::Invalid(const FieldPath& path, const Printed& value, std::string_view detail) {
  AddValue("FieldValueInvalid", kInvalidValue, path, value.text(), detail);
}

void Violations::InvalidEach(const FieldPath& path, const Json& value,
                             const std::vector<std::string>& messages) {
  for (const std::string& message : messages) Invalid(path, value, message);
}

void Violations::Required(const FieldPath& path, std::string_view detail) {
  AddValue("FieldValueRequired", "Required value", path, "", detail);
}

void Violations::Duplicate(const FieldPath& path, const Json& value, std::string_view detail) {
  if (full()) return;
  AddValue("FieldValueDuplicate", "Duplicate value", path, PrintedValue(value), detail);
}

void Violations::Duplicate(const FieldPath& path, const Printed& value, std::string_view detail) {
  AddValue("FieldValueDuplicate", "Duplicate value", path, value.text(), detail);
}

void Violations::Forbidden(const FieldPath& path, std::string_view detail) {
  AddValue("FieldValueForbidden", "Forbidden", path, "", detail);
}

void Violations::NotFound(const FieldPath& path, const Json& value, std::string_view detail) {
  if (full()) return;
  AddValue("FieldValueNotFound", "Not found", path, PrintedValue(value), detail);
}

void Violations::NotSupported(const FieldPath& path, const Json& value,
                              const std::vector<std::string>& supported) {
  if (full()) return;
  NotSupported(path, Printed::Verbatim(PrintedValue(value)), supported);
}

void Violations::NotSupported(const FieldPath& path, const Printed& value,
                              const std::vector<std::string>& supported) {
  if (full()) return;
  std::string detail;
  for (const std::string& word : supported) {
    detail += (detail.empty() ? "supported values: " : ", ") + GoQuote(word);
  }
  AddValue("FieldValueNotSupported", "Unsupported value", path, value.text(), detail);
}

void Violations::TooLong(const FieldPath& path, int64_t bytes_max) {
  Add("FieldValueTooLong", path,
      bytes_max < 0 ? "Too long: value is too long"
                    : fmt::format("Too long: may not be more than {} {}", bytes_max,
                                  bytes_max == 1 ? "byte" : "bytes"));
}

void Violations::TooMany(const FieldPath& path, size_t count, int64_t count_max) {
  Add("FieldValueTooMany", path,
      count_max < 0 ? fmt::format("Too many: {}: has too many items", count)
                    : fmt::format("Too many: {}: must have at most {} {}", count, count_max,
                                  count_max == 1 ? "item" : "items"));
}

void Violations::TypeInvalid(const FieldPath& path, const Json& value, std::string_view detail) {
  if (full()) return;
  AddValue("FieldValueTypeInvalid", kInvalidValue, path, PrintedValue(value), detail);
}

void Violations::Internal(const FieldPath& path, std::string_view detail) {
  AddValue("InternalError", "Internal error", path, "", detail);
}

bool Violations::full() const {
  return IsFull(causes_);
}

void Violations::Append(const Violations& other) {
  for (const Cause& cause : other.causes_) Keep(cause, causes_);
}

std::string Violations::Text() const {
  std::vector<std::string> lines;
  std::unordered_set<std::string> seen;
  for (const Cause& cause : causes_) {
    std::string line = Line(cause);
    if (seen.insert(line).second) lines.push_back(std::move(line));
  }
  return lines.size() == 1 ? lines[0] : fmt::format("[{}]", fmt::join(lines, ", "));
}

Error Violations::ToError(std::string_view group, std::string_view kind,
                          std::string_view name) const {
  std::string qualified(kind);
  if (!group.empty()) qualified += "." + std::string(group);
  return Error{.reason = Reason::kInvalid,
               .message = fmt::format("{} {} is invalid: {}", qualified, GoQuote(name), Text()),
               .causes = causes_,
               .details = ErrorDetails{.name = std::string(name),
                                       .group = std::string(group),
                                       .kind = std::string(kind)},
               .http_code = 422};
}

void Violations::Add(std::string_view reason, const FieldPath& path, std::string text) {
  if (IsFull(causes_)) return;  // Even its path may be long.
  Keep({std::string(reason), std::move(text), path.Text()}, causes_);
}

void Violations::AddValue(std::string_view reason, std::string_view label, const FieldPath& path,
                          std::string_view value, std::string_view detail) {
  if (IsFull(causes_)) return;
  std::string text(label);
  for (const std::string_view part : {value, detail}) {
    if (!part.empty()) text.append(": ").append(part);
  }
  Add(reason, path, std::move(text));
}

}  // namespace skiff
