#include "apiserver/admission/strict_fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace skiff {
namespace {

const Json kNothing;

}  // namespace

void StrictFaults::UnknownField(const std::string& path) {
  unknown_.push_back(fmt::format("unknown field \"{}\"", path));
}

void StrictFaults::WrongType(const std::string& path, const Json& value, std::string_view wanted) {
  if (!wrong_type_.empty()) return;
  const char* const kind = value.is_number() ? "number" : value.type_name();
  wrong_type_ = fmt::format("json: cannot unmarshal {} into field {} of type {}",
                            value.is_boolean() ? "bool" : kind, path, wanted);
}

Result<> StrictFaults::Check() const {
  if (!wrong_type_.empty()) return Fail(Reason::kInvalid, wrong_type_);
  if (unknown_.empty()) return {};
  return Fail(Reason::kInvalid,
              fmt::format("strict decoding error: {}", fmt::join(unknown_, ", ")));
}

StrictFields::StrictFields(const Json& object, std::string path,
                           const std::vector<std::string>& known, StrictFaults& faults)
    : object_(object.is_object() ? &object : &kNothing), path_(std::move(path)), faults_(&faults) {
  if (!object.is_object() && !object.is_null()) faults.WrongType(path_, object, "object");
  for (const auto& [field, value] : object_->items()) {
    if (std::find(known.begin(), known.end(), field) == known.end()) {
      faults.UnknownField(PathOf(field));
    }
  }
}

std::string StrictFields::PathOf(const std::string& field) const {
  return path_.empty() ? field : path_ + "." + field;
}

const Json* StrictFields::Find(const std::string& field) const {
  const auto found = object_->find(field);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

std::string StrictFields::Text(const std::string& field) const {
  const Json* const value = Find(field);
  if (value == nullptr) return "";
  if (value->is_string()) return value->get<std::string>();
  faults_->WrongType(PathOf(field), *value, "string");
  return "";
}

std::vector<std::string> StrictFields::List(const std::string& field) const {
  const Json* const value = Find(field);
  std::vector<std::string> list;
  if (value == nullptr) return list;
  if (!value->is_array()) {
    faults_->WrongType(PathOf(field), *value, "[]string");
    return list;
  }
  for (const Json& each : *value) {
    if (each.is_string()) list.push_back(each.get<std::string>());
    else faults_->WrongType(PathOf(field), each, "string");
  }
  return list;
}

StrictFields StrictFields::Object(const std::string& field,
                                  const std::vector<std::string>& known) const {
  const Json* const value = Find(field);
  return {value == nullptr ? kNothing : *value, PathOf(field), known, *faults_};
}

std::vector<StrictFields> StrictFields::Objects(const std::string& field,
                                                const std::vector<std::string>& known) const {
  const Json* const value = Find(field);
  std::vector<StrictFields> all;
  if (value == nullptr) return all;
  if (!value->is_array()) faults_->WrongType(PathOf(field), *value, "[]object");
  for (size_t i = 0; value->is_array() && i < value->size(); ++i) {
    all.emplace_back((*value)[i], fmt::format("{}[{}]", PathOf(field), i), known, *faults_);
  }
  return all;
}

}  // namespace skiff
