#include "cli/compose/canonical.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cli/compose/short_forms.h"

namespace skiff::cli::compose {
namespace {

// ["A=1", "B"] -> {A: "1", B: null}
void MakePairs(Node& node) {
  if (!node.IsList()) return;
  Node map = MapNode(node.place);
  map.tag = node.tag;
  for (const Node& item : node.items) {
    const std::string text = item.Text();
    const size_t sign = text.find('=');
    Node value;
    if (sign != text.npos) value = TextNode(text.substr(sign + 1), item.place);
    value.place = item.place;
    value.tag = item.tag;
    map.Put(text.substr(0, sign), std::move(value));
  }
  node = std::move(map);
}

void MakePairs(Node& parent, std::string_view key) {
  if (Node* node = parent.Find(key)) MakePairs(*node);
}

// "x" -> ["x"]
void MakeList(Node& parent, std::string_view key) {
  Node* node = parent.Find(key);
  if (node == nullptr || !node->IsScalar()) return;
  Node list = ListNode(node->place);
  list.tag = node->tag;
  node->tag.clear();
  list.items.push_back(std::move(*node));
  *node = std::move(list);
}

// ["a"] or {a: null}; each item of a list becomes a member, whose value `make` gives.
template <typename Make>
void MakeMembers(Node& parent, std::string_view key, const Make& make) {
  Node* node = parent.Find(key);
  if (node == nullptr || !node->IsList()) return;
  Node map = MapNode(node->place);
  map.tag = node->tag;
  for (const Node& item : node->items) {
    Node value = make(item.place);
    value.tag = item.tag;
    map.Put(item.Text(), std::move(value));
  }
  *node = std::move(map);
}

// "x" -> {name: "x"}
void MakeMap(Node& node, std::string_view name) {
  if (!node.IsScalar()) return;
  Node map = MapNode(node.place);
  map.tag = node.tag;
  node.tag.clear();
  map.Put(name, std::move(node));
  node = std::move(map);
}

void MakeMaps(Node& parent, std::string_view key, std::string_view name) {
  Node* node = parent.Find(key);
  if (node == nullptr) return;
  for (Node& item : node->items) MakeMap(item, name);
}

void MakeAbsolute(Node& parent, std::string_view key, const Surroundings& around) {
  Node* path = parent.Find(key);
  if (path != nullptr && path->IsText()) path->value = AbsolutePath(around, path->Text());
}

// Nothing is built, but who reads the file as one looks for it where this one is.
void MakeBuild(Node& build, const Surroundings& around) {
  MakeMap(build, "context");
  // Files that are merged may say these in different forms.
  for (const char* key : {"additional_contexts", "args", "labels"}) MakePairs(build, key);
  MakeList(build, "no_cache_filter");
  const auto is_here = [](const std::string& context) {
    return !context.empty() && context.find("://") == context.npos &&
           !context.starts_with("git@") && !context.starts_with("github.com/") &&
           !context.starts_with("service:");
  };
  if (is_here(build["context"].Text())) MakeAbsolute(build, "context", around);
  Node* others = build.Find("additional_contexts");
  if (others == nullptr) return;
  for (Member& other : others->members) {
    if (is_here(other.node.Text())) MakeAbsolute(*others, other.key, around);
  }
}

// Hosts stay a list of "name=address": one name may have several.
void MakeHosts(Node& service, Mistakes& wrong) {
  Node* hosts = service.Find("extra_hosts");
  if (hosts == nullptr) return;
  Node list = ListNode(hosts->place);
  list.tag = hosts->tag;
  for (const Member& member : hosts->members) {
    const auto add = [&](const Node& address) {
      list.items.push_back(TextNode(member.key + "=" + address.Text(), address.place));
    };
    if (member.node.IsList()) {
      for (const Node& address : member.node.items) add(address);
    } else {
      add(member.node);
    }
  }
  for (const Node& item : hosts->items) {
    std::string text = item.Text();
    size_t sign = text.find('=');
    if (sign == text.npos) sign = text.find(':');
    if (sign == text.npos || sign == 0) {
      wrong.Add(Wrong(item, "invalid additional host, missing IP: " + text));
      continue;
    }
    text[sign] = '=';
    list.items.push_back(TextNode(std::move(text), item.place));
  }
  *hosts = std::move(list);
}

// NAME without a value is the one that we have; none: the container has none either.
void TakeOver(Node& service, const Lookup& lookup) {
  Node* environment = service.Find("environment");
  if (environment == nullptr) return;
  std::vector<Member> members;
  for (Member& member : environment->members) {
    if (member.node.IsNull() && member.node.tag.empty() && !member.node.told) {
      const auto value = lookup(member.key);
      if (!value) continue;
      member.node = TextNode(*value, member.node.place);
    }
    members.push_back(std::move(member));
  }
  environment->members = std::move(members);
}

// Each item of a list by `make`, which fails where it means nothing. Of what lacks a part that has
// been told of nothing more is said.
template <typename Make>
void MakeItems(Node& service, std::string_view key, const std::vector<std::string_view>& parts,
               Mistakes& wrong, const Make& make) {
  Node* list = service.Find(key);
  if (list == nullptr) return;
  std::vector<Node> items;
  for (Node& item : list->items) {
    const bool is_told = std::any_of(parts.begin(), parts.end(),
                                     [&](std::string_view part) { return item[part].told; });
    if (is_told) continue;
    if (item.tag == "!reset") {
      items.push_back(std::move(item));
      continue;
    }
    auto made = make(item);
    wrong.Add(made);
    if (made) items.push_back(*std::move(made));
  }
  list->items = std::move(items);
}

void MakeServiceCanonical(Node& service, const Surroundings& around, Mistakes& wrong) {
  for (const char* key : {"environment", "labels", "annotations", "sysctls"}) {
    MakePairs(service, key);
  }
  TakeOver(service, around.lookup);
  if (Node* steps = service.Find("pre_start")) {
    for (Node& step : steps->items) {
      MakePairs(step, "environment");
      TakeOver(step, around.lookup);
    }
  }
  if (Node* deploy = service.Find("deploy")) MakePairs(*deploy, "labels");
  for (const char* key : {"dns", "dns_search", "tmpfs", "env_file", "label_file"}) {
    MakeList(service, key);
  }
  for (const char* key : {"networks", "models"}) {
    MakeMembers(service, key, [](const Place& place) {
      Node none;
      none.place = place;
      return none;
    });
  }
  if (Node* build = service.Find("build")) MakeBuild(*build, around);
  MakeMembers(service, "depends_on", [](const Place& place) {
    Node dependency = MapNode(place);
    dependency.Put("condition", TextNode("service_started", place));
    return dependency;
  });
  MakeMaps(service, "configs", "source");
  MakeMaps(service, "secrets", "source");
  MakeMaps(service, "env_file", "path");
  if (Node* files = service.Find("env_file")) {
    for (Node& file : files->items) MakeAbsolute(file, "path", around);
  }
  if (Node* files = service.Find("label_file")) {
    for (Node& file : files->items) {
      if (file.IsText()) file.value = AbsolutePath(around, file.Text());
    }
  }
  if (Node* extends = service.Find("extends")) {
    MakeMap(*extends, "service");
    MakeAbsolute(*extends, "file", around);
  }
  MakeHosts(service, wrong);
  MakeItems(service, "ports", {"target"}, wrong, [](const Node& port) { return LongPort(port); });
  MakeItems(service, "volumes", {"type", "source", "target"}, wrong,
            [&](const Node& mount) { return LongMount(mount, around); });
}

// environment: X -> content: what X is, where it is anything. Both beside each other are refused
// later (consistency.h).
void MakeContent(Node& resource, const Lookup& lookup) {
  const Node& variable = resource["environment"];
  if (!variable.Says() || resource.Find("content") != nullptr) return;
  if (auto value = lookup(variable.Text())) {
    Node content = TextNode(std::move(*value), Place(variable.place));
    content.mark = kMade;
    resource.Put("content", std::move(content));
  }
}

// external: {name: x} -> external: true, name: x
void MakeExternal(Node& resource, const std::string& place, Mistakes& wrong) {
  Node* external = resource.Find("external");
  if (external == nullptr || !external->IsMap()) return;
  const Node name = (*external)["name"];
  const Node& said = resource["name"];
  if (name.Says() && said.Says() && name.Text() != said.Text()) {
    wrong.Add(Wrong(name, place + ": name and external.name conflict; only use name"));
  }
  *external = TextNode("true", Place(external->place));
  if (name.Says()) resource.Put("name", name);
}

}  // namespace

std::string AbsolutePath(const Surroundings& around, const std::string& path) {
  namespace fs = std::filesystem;
  if (path == "~" || path.starts_with("~/")) {
    return fs::path(around.home + path.substr(1)).lexically_normal();
  }
  std::string made = (fs::path(around.directory) / path).lexically_normal();
  while (made.size() > 1 && made.ends_with('/')) made.pop_back();
  return made;
}

void MakeCanonical(Node& file, const Surroundings& around, Mistakes& wrong) {
  if (Node* services = file.Find("services")) {
    for (Member& service : services->members) MakeServiceCanonical(service.node, around, wrong);
  }
  for (const char* key : {"configs", "secrets", "volumes", "networks"}) {
    Node* resources = file.Find(key);
    if (resources == nullptr) continue;
    for (Member& resource : resources->members) {
      MakeExternal(resource.node, fmt::format("{}.{}", key, resource.key), wrong);
      MakePairs(resource.node, "labels");
      MakeAbsolute(resource.node, "file", around);
      MakeContent(resource.node, around.lookup);
    }
  }
  if (Node* includes = file.Find("include")) {
    for (Node& include : includes->items) {
      MakeMap(include, "path");
      MakeList(include, "path");
      MakeList(include, "env_file");
      MakeAbsolute(include, "project_directory", around);
      for (const char* key : {"path", "env_file"}) {
        Node* paths = include.Find(key);
        if (paths == nullptr) continue;
        for (Node& path : paths->items) path.value = AbsolutePath(around, path.Text());
      }
    }
  }
}

}  // namespace skiff::cli::compose
