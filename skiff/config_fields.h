// Fields of a configuration file, by their types, and what of them nobody asked for.
#pragma once

#include <fmt/format.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/codec/json.h"
#include "base/error.h"
#include "base/flags.h"

namespace skiff {

// Reads typed fields of an object and remembers the first that has another type.
class ConfigFields {
 public:
  ConfigFields(const Json& object, std::string path) : object_(object), path_(std::move(path)) {}

  void Read(const char* name, std::string& to) {
    if (const Json* value = Find(name, "a string", &Json::is_string))
      to = value->get<std::string>();
  }
  void Read(const char* name, bool& to) {
    if (const Json* value = Find(name, "a boolean", &Json::is_boolean)) to = value->get<bool>();
  }
  void Read(const char* name, int& to) {
    const Json* value = Find(name, "a number", &Json::is_number_integer);
    if (value == nullptr) return;
    const bool fits = value->is_number_unsigned() ? std::in_range<int>(value->get<uint64_t>())
                                                  : std::in_range<int>(value->get<int64_t>());
    if (!fits) return Note(name, "must be a number of 32 bits");
    to = value->get<int>();
  }
  void Read(const char* name, int64_t& to) {
    const Json* value = Find(name, "a number", &Json::is_number_integer);
    if (value == nullptr) return;
    const bool fits =
        !value->is_number_unsigned() || std::in_range<int64_t>(value->get<uint64_t>());
    if (!fits) return Note(name, "must be a number of 64 bits");
    to = value->get<int64_t>();
  }
  void Read(const char* name, double& to) {
    if (const Json* value = Find(name, "a number", &Json::is_number)) to = value->get<double>();
  }
  void Read(const char* name, Duration& to) {
    std::string text;
    Read(name, text);
    if (text.empty()) return;
    const auto parsed = ParseGoDuration(text);
    if (parsed) {
      to = *parsed;
    } else {
      Note(name, parsed.error().message);
    }
  }
  void Read(const char* name, std::vector<std::string>& to) {
    const Json* value = Find(name, "a list of strings", &Json::is_array);
    if (value == nullptr) return;
    to.clear();
    for (const Json& item : *value) {
      if (!item.is_string()) return Note(name, "must be a list of strings");
      to.push_back(item.get<std::string>());
    }
  }
  // What the object holds and nobody has asked for, a text each.
  void TellUnread(std::vector<std::string>& to) const {
    for (const auto& [name, value] : object_.items()) {
      const bool says_nothing = value.is_null() || value == "" || value == Json::object() ||
                                value == false || value == "0s";
      if (read_.contains(name) || says_nothing) continue;
      to.push_back(At(name) + " of the configuration file has no effect");
    }
  }
  // nullptr where there is none.
  const Json* List(const char* name) { return Find(name, "a list", &Json::is_array); }
  const Json* Any(const char* name) {
    read_.insert(name);
    const auto found = object_.find(name);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  // An empty object where there is none.
  ConfigFields Object(const char* name) {
    static const Json kEmpty = Json::object();
    const Json* value = Find(name, "an object", &Json::is_object);
    return ConfigFields(value == nullptr ? kEmpty : *value, At(name));
  }
  void Take(const ConfigFields& inner) {
    if (error_.empty()) error_ = inner.error_;
  }
  // The same, and nothing in it may be left that nobody has asked for.
  void TakeStrictly(const ConfigFields& inner) {
    if (const auto all = inner.Strict(); !all && error_.empty()) error_ = all.error().message;
  }
  void Note(const std::string& name, const std::string& what) {
    if (error_.empty()) error_ = At(name) + ": " + what;
  }
  Result<> Outcome() const {
    if (error_.empty()) return {};
    return Fail(Reason::kInvalid, error_);
  }
  // Fails also where something is left that nobody has asked for.
  Result<> Strict() const {
    if (!error_.empty()) return Fail(Reason::kInvalid, error_);
    for (const auto& [name, value] : object_.items()) {
      if (read_.contains(name)) continue;
      return Fail(Reason::kInvalid,
                  fmt::format("strict decoding error: unknown field \"{}\"", At(name)));
    }
    return {};
  }

 private:
  const Json* Find(const char* name, const char* type, bool (Json::*is_type)() const noexcept) {
    read_.insert(name);
    const auto found = object_.find(name);
    if (found == object_.end() || found->is_null()) return nullptr;
    if ((*found.*is_type)()) return &*found;
    Note(name, fmt::format("must be {}", type));
    return nullptr;
  }
  std::string At(const std::string& name) const {
    return path_.empty() ? name : path_ + "." + name;
  }

  const Json& object_;
  const std::string path_;
  std::set<std::string> read_ = {"apiVersion", "kind"};
  std::string error_;
};

}  // namespace skiff
