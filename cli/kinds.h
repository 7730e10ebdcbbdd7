// From the words people use ("po", "deploy.apps", "Service") to resources: the built-in kinds at
// once, all others by asking the server.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/type.h"
#include "client/resource.h"

namespace skiff::cli {

class Api;

struct ServedKind {
  Resource resource;
  std::string singular;
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  std::vector<std::string> verbs;
  const KindInfo* info = nullptr;  // Of a built-in kind.
  // "pods", "deployments.apps"
  std::string FullName() const;
};

// "deployment.apps", "pod": how kubectl names a kind in its answers.
std::string KindName(const Resource& resource);
// "Deployment.apps", "ConfigMap"
std::string GroupKind(const Resource& resource);

// Whether some kind that every server has is called so: "pods", "po", "Deployment".
bool IsBuiltInKind(const std::string& word);
// What a document says it is, for who asks no server: of a kind that not every server has, no more
// is known than what it is called.
ServedKind KindAsSaid(const std::string& api_version, const std::string& kind);

class Kinds {
 public:
  // `guesses`: of a word that is none, Find says which one may have been meant.
  // `warn`: gets a line where a short name is that of another kind, too.
  using Warn = std::function<void(const std::string&)>;
  explicit Kinds(Api& api, bool guesses = false, Warn warn = nullptr)
      : api_(api), guesses_(guesses), warn_(std::move(warn)) {}
  // "TYPE", "TYPE.GROUP" or "TYPE.VERSION.GROUP". `is_of_name`: it was typed as TYPE/NAME.
  Result<ServedKind> Find(const std::string& word, bool is_of_name = false);
  // What a document says it is; nullopt when nothing serves it.
  Result<std::optional<ServedKind>> FindByKind(const std::string& api_version,
                                               const std::string& kind);
  // The kinds of a category such as "all"; empty when there is none of that name.
  Result<std::vector<ServedKind>> InCategory(const std::string& category);
  // Everything the server says it serves, core first.
  Result<std::vector<ServedKind>> Discover();
  // Why versions of groups are missing there whose server does not answer.
  const std::map<std::string, std::string>& unlisted() const { return unlisted_; }
  // Of a word that Find found nothing for: "\n\nDid you mean this?\n\tpods"; "" without guesses.
  std::string MeantBy(const std::string& word) const;

 private:
  void WarnOfOthers(const std::vector<ServedKind>& kinds, const ServedKind& found,
                    const std::string& word);
  Result<> LoadServed();
  Result<> LoadVersion(const std::string& api_version);

  Api& api_;
  const bool guesses_;
  const Warn warn_;
  std::set<std::string> warned_;
  bool loaded_ = false;
  std::vector<ServedKind> served_;
  std::map<std::string, std::string> unlisted_;
};

}  // namespace skiff::cli
