// Which FlowSchema a request belongs to, and to which flow of it. Compiled once from the objects;
// never changes after that, so any thread may ask.
//
//   Classifier classifier(schemas);                      // Any order; "catch-all" among them.
//   const auto found = classifier.Find(user, info);
//   classifier.schema(found.schema).level ... found.distinguisher ...
//
// The first schema that matches counts, by matchingPrecedence and then by name; who matches none is
// taken for the catch-all's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/flowcontrol_v1.h"
#include "apiserver/auth/user.h"
#include "apiserver/request/request_info.h"

namespace skiff::flow_control {

inline constexpr std::string_view kCatchAll = "catch-all";
inline constexpr std::string_view kExempt = "exempt";

class Classifier {
 public:
  struct Schema {
    std::string name;
    std::string uid;
    std::string level;  // Name of the priority level.
  };
  struct Found {
    size_t schema = 0;
    // Of the user or the request it was asked about, and lives as long as they do.
    std::string_view distinguisher = {};
  };
  using Objects = std::vector<std::shared_ptr<const flowcontrol_v1::FlowSchema>>;
  explicit Classifier(Objects objects);

  Found Find(const User& user, const RequestInfo& info) const;
  const Schema& schema(size_t index) const { return compiled_[index].schema; }
  size_t size() const { return compiled_.size(); }

 private:
  // A list of names, or "*".
  struct Names {
    explicit Names(const std::vector<std::string>& listed);
    bool Has(std::string_view name) const;
    bool all;
    std::vector<std::string> names;
  };
  struct Subjects {
    bool Have(const User& user) const;
    bool everybody = false;  // User or group "*".
    std::vector<std::string> users;  // Service accounts by name are users, too.
    std::vector<std::string> groups;
    std::vector<std::string> user_prefixes;  // Of all service accounts of a namespace.
  };
  struct ResourceRule {
    bool Matches(const RequestInfo& info) const;
    Names verbs;
    Names groups;
    Names resources;
    Names namespaces;
    bool cluster_scope;
  };
  struct PathRule {
    bool Matches(const RequestInfo& info) const;
    Names verbs;
    std::vector<std::string> paths;
  };
  struct Rules {
    Subjects subjects;
    std::vector<ResourceRule> resources;
    std::vector<PathRule> paths;
  };
  enum class By : uint8_t { kNothing, kUser, kNamespace };
  struct Compiled {
    bool Matches(const User& user, const RequestInfo& info) const;
    Schema schema;
    By by = By::kNothing;
    std::vector<Rules> rules;
  };
  static Compiled Compile(const flowcontrol_v1::FlowSchema& object);
  static Subjects CompileSubjects(const std::vector<flowcontrol_v1::Subject>& subjects);

  std::vector<Compiled> compiled_;
  size_t catch_all_ = 0;
};

}  // namespace skiff::flow_control
