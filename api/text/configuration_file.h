// Configuration files of Kubernetes' programs, read as its strict decoder reads them: no field may
// be unknown, of another type, or there twice.
//
//   const YamlDocument yaml = TRY(ParseConfiguration(text));
//   TRY(CheckConfigurationKind(yaml.value, text, "AuthenticationConfiguration"));
//   ConfigurationReading in("AuthenticationConfiguration", yaml.duplicates);
//   in.Object(yaml.value, "AuthenticationConfiguration", {{"jwt", in.List<...>(...)}});
//   TRY(in.End());
#pragma once

#include <fmt/format.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/codec/decode.h"
#include "api/text/yaml.h"
#include "api/values.h"
#include "base/clock.h"
#include "base/error.h"

namespace skiff {

// What begins as JSON does is taken for that alone, as by Go. `duplicates` are in the words of
// strict decoding.
Result<YamlDocument> ParseConfiguration(std::string_view text);
// Kind and version, neither of them missing. `shown` is what an error shows of the file.
Result<TypeMeta> ConfigurationMeta(const Json& document, std::string_view shown);
Error NoSuchConfiguration(const TypeMeta& meta);
// The same of one that kube-apiserver knows of in that version.
Result<TypeMeta> ServerConfigurationMeta(const Json& document, std::string_view shown);
// Of apiserver.config.k8s.io; errors are those of Kubernetes' decoder.
Result<> CheckConfigurationKind(const Json& document, std::string_view text, std::string_view kind);

// Reads a document into structs. The first thing that is of another type ends it; what has no
// place is listed.
class ConfigurationReading {
 public:
  using Take = std::function<void(const Json& value)>;
  using Fields = std::map<std::string, Take, std::less<>>;

  // `duplicates`: of the document, as ParseConfiguration lists them.
  ConfigurationReading(const char* kind, const std::vector<std::string>& duplicates);

  // The fields of one object, which Go calls `struct_name`.
  void Object(const Json& json, const char* struct_name, const Fields& fields);
  Take Text(std::string& to, const char* go_type = "string");
  Take Text(std::optional<std::string>& to);
  Take Switch(bool& to);
  Take Switch(std::optional<bool>& to);
  // An int32.
  Take Number(std::optional<int64_t>& to);
  // As Go writes durations: "5m0s".
  Take Time(Duration& to);
  Take Texts(std::vector<std::string>& to, const char* go_type = "string");
  // For apiVersion and kind.
  static void Pass(const Json&) {}
  template <typename T>
  Take List(std::vector<T>& to, const char* go_type, std::function<void(const Json&, T&)> each) {
    return [this, &to, go_type, each](const Json& value) {
      if (!value.is_array()) return Misfit(value, fmt::format("[]{}", go_type));
      for (size_t i = 0; i < value.size() && broken_.empty(); ++i) {
        Within(fmt::format("[{}]", i), "", [&] { each(value[i], to.emplace_back()); });
      }
    };
  }

  Result<> End() const;
  // The same of a file whose fields may be unknown, or there twice; `strict` says which are.
  Result<> EndOfTypes() const;
  const std::vector<std::string>& strict() const { return strict_; }

 private:
  void Within(const std::string& step, const std::string& go_step,
              const std::function<void()>& work);
  // `shown` stands behind its kind.
  void Misfit(const Json& json, const std::string& go_type, const std::string& shown = "");

  std::vector<std::string> strict_;
  std::string broken_;
  std::string path_, go_path_;
  const char* struct_;
};

}  // namespace skiff
