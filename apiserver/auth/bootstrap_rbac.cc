#include "apiserver/auth/bootstrap_rbac.h"

#include <string>

#include "base/error.h"

namespace skiff {
namespace {

constexpr std::string_view kRbacGroup = "rbac.authorization.k8s.io";

std::vector<std::string> WordsOf(std::string_view line) {
  std::vector<std::string> words;
  while (!line.empty()) {
    const size_t start = line.find_first_not_of(' ');
    if (start == std::string_view::npos) break;
    const size_t end = std::min(line.find(' ', start), line.size());
    words.emplace_back(line.substr(start, end - start));
    line.remove_prefix(end);
  }
  return words;
}

Json List(std::string_view text) {
  Json list = Json::array();
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string item(text.substr(0, comma));
    list.push_back(item == "core" ? "" : item);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return list;
}

Json NewObject(std::string_view kind, std::string_view name) {
  return {{"apiVersion", std::string(kRbacGroup) + "/v1"},
          {"kind", kind},
          {"metadata",
           {{"name", name},
            {"labels", {{"kubernetes.io/bootstrapping", "rbac-defaults"}}},
            {"annotations", {{"rbac.authorization.kubernetes.io/autoupdate", "true"}}}}}};
}

Json Binding(std::string_view kind, std::string_view name, std::string_view role_kind,
             std::string_view role) {
  Json binding = NewObject(kind, name);
  binding["roleRef"] = {{"apiGroup", kRbacGroup}, {"kind", role_kind}, {"name", role}};
  return binding;
}

void AddSubject(Json& binding, const std::string& kind, const std::string& name) {
  Json subject = {{"kind", kind}};
  if (kind == "ServiceAccount") {
    const size_t slash = name.find('/');
    subject["namespace"] = name.substr(0, slash);
    subject["name"] = name.substr(slash + 1);
  } else {
    subject["apiGroup"] = kRbacGroup;
    subject["name"] = name;
  }
  binding["subjects"].push_back(std::move(subject));
}

// An indented line: something about the object before it.
void AddDetail(Json& object, const std::vector<std::string>& words) {
  const std::string& what = words[0];
  if (what == "label") {
    object["metadata"]["labels"][words.at(1)] = words.at(2);
  } else if (what == "aggregate") {
    object["aggregationRule"]["clusterRoleSelectors"].push_back(
        {{"matchLabels", {{words.at(1), words.at(2)}}}});
  } else if (what == "allow") {
    Json rule = {{"verbs", List(words.at(1))},
                 {"apiGroups", List(words.at(2))},
                 {"resources", List(words.at(3))}};
    if (words.size() > 4) rule["resourceNames"] = List(words[4]);
    object["rules"].push_back(std::move(rule));
  } else if (what == "url") {
    object["rules"].push_back(
        {{"verbs", List(words.at(1))}, {"nonResourceURLs", List(words.at(2))}});
  } else {
    CHECK(what == "subject");
    AddSubject(object, words.at(1), words.at(2));
  }
}

// A line that begins an object. The object stays where AddDetail finds it: last.
void BeginObject(std::vector<Json>& objects, const std::vector<std::string>& words) {
  const std::string& what = words[0];
  if (what == "clusterrole") {
    objects.push_back(NewObject("ClusterRole", words.at(1)));
  } else if (what == "controller") {
    const std::string role = "system:controller:" + words.at(1);
    objects.push_back(Binding("ClusterRoleBinding", role, "ClusterRole", role));
    AddSubject(objects.back(), "ServiceAccount", "kube-system/" + words[1]);
    objects.push_back(NewObject("ClusterRole", role));
  } else if (what == "role") {
    objects.push_back(NewObject("Role", words.at(2)));
    objects.back()["metadata"]["namespace"] = words[1];
  } else if (what == "clusterbinding") {
    objects.push_back(Binding("ClusterRoleBinding", words.at(1), "ClusterRole", words.at(2)));
  } else {
    CHECK(what == "binding");
    objects.push_back(Binding("RoleBinding", words.at(2), "Role", words.at(3)));
    objects.back()["metadata"]["namespace"] = words[1];
  }
}

}  // namespace

std::vector<Json> ParseBootstrapRbac(std::string_view text) {
  std::vector<Json> objects;
  std::string line;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    // What goes on from the line before is not indented again.
    if (!line.empty()) part.remove_prefix(std::min(part.find_first_not_of(' '), part.size()));
    line += part;
    if (line.ends_with(',')) continue;
    if (line.ends_with('\\')) {
      line.back() = ' ';
      continue;
    }
    const auto words = WordsOf(line);
    if (!words.empty()) {
      if (line.starts_with(' ')) {
        CHECK(!objects.empty());
        AddDetail(objects.back(), words);
      } else {
        BeginObject(objects, words);
      }
    }
    line.clear();
  }
  return objects;
}

}  // namespace skiff
