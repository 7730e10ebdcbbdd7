#include "cli/compose/merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace skiff::cli::compose {
namespace {

constexpr std::string_view kReset = "!reset";
constexpr std::string_view kOverride = "!override";

// What an item of the list at this place of a service is known by; no names: items are appended.
using KeyNames = std::vector<std::string_view>;
const std::map<std::string, KeyNames, std::less<>>& ItemKeys() {
  static const std::map<std::string, KeyNames, std::less<>> kKeys = {
      {"ports", {"host_ip", "target", "published", "protocol"}},
      {"volumes", {"target"}},
      {"configs", {"target"}},
      {"secrets", {"target"}},
      {"devices", {"target"}},
      {"env_file", {"path"}},
  };
  return kKeys;
}

// The place within its service: "services/web/ports" -> "ports"; "" elsewhere.
std::string_view WithinService(std::string_view path) {
  constexpr std::string_view kServices = "services/";
  if (!path.starts_with(kServices)) return "";
  path.remove_prefix(kServices.size());
  const size_t end = path.find('/');
  return end == path.npos ? "" : path.substr(end + 1);
}

bool IsReplaced(std::string_view within) {
  return within == "command" || within == "entrypoint" || within == "healthcheck/test";
}

// A list in which each text stands once.
bool IsSet(std::string_view within) {
  return within == "expose" || within == "cap_add" || within == "cap_drop" || within == "dns" ||
         within == "dns_search" || within == "dns_opt" || within == "profiles" ||
         within == "links" || within == "security_opt" || within == "group_add" ||
         within == "external_links";
}

std::string KeyOf(const Node& item, const KeyNames& names) {
  if (!item.IsMap()) return "\n" + item.Text();
  std::string key;
  for (const std::string_view name : names) {
    std::string part = item[name].Text();
    if (part.empty() && name == "protocol") part = "tcp";
    // A config or secret is mounted under its own name.
    if (part.empty() && name == "target") part = item["source"].Text();
    key += part + "\n";
  }
  return key;
}

// "/run:size=64m,mode=700" -> "/run:size", which is what docker compose knows it by.
std::string TmpfsKey(const Node& item) {
  const std::string text = item.Text();
  return text.substr(0, text.find('='));
}

// An item that has the key of an earlier one takes its place.
template <typename Key>
void MergeKeyed(Node& base, Node& other, const Key& key) {
  std::map<std::string, size_t> places;
  for (size_t i = 0; i < base.items.size(); ++i) places[key(base.items[i])] = i;
  for (Node& item : other.items) {
    const auto [at, is_new] = places.try_emplace(key(item), base.items.size());
    if (is_new) {
      base.items.push_back(std::move(item));
    } else {
      base.items[at->second] = std::move(item);
    }
  }
}

void MergeSet(Node& base, Node& other) {
  std::set<std::string> given;
  for (const Node& item : base.items) given.insert(item.Text());
  for (Node& item : other.items) {
    if (given.insert(item.Text()).second) base.items.push_back(std::move(item));
  }
}

const char* FormWord(const Node& node) {
  return node.IsMap() ? "mapping" : node.IsList() ? "list" : "single value";
}

}  // namespace

void Merge(Node& base, Node other, const std::string& path, Mistakes& wrong) {
  const std::string_view within = WithinService(path);
  // What a file before took away is not there to be merged with.
  const bool is_gone = base.IsNull() || base.tag == kReset;
  if (other.tag == kReset || other.tag == kOverride || is_gone || IsReplaced(within)) {
    base = std::move(other);
    return;
  }
  if (other.IsNull()) return;
  // One number is both of a limit's.
  if (base.form != other.form && within.starts_with("ulimits/")) {
    base = std::move(other);
    return;
  }
  if (base.form != other.form) {
    std::string shown = path;
    std::replace(shown.begin(), shown.end(), '/', '.');
    return wrong.Add(Wrong(other, fmt::format("{}: cannot override a {} by a {}", shown,
                                              FormWord(base), FormWord(other))));
  }
  if (other.IsScalar()) {
    base = std::move(other);
    return;
  }
  if (other.IsList()) {
    const auto keys = ItemKeys().find(within);
    if (keys != ItemKeys().end()) {
      MergeKeyed(base, other, [&](const Node& item) { return KeyOf(item, keys->second); });
    } else if (within == "tmpfs") {
      MergeKeyed(base, other, TmpfsKey);
    } else if (IsSet(within)) {
      MergeSet(base, other);
    } else {
      std::move(other.items.begin(), other.items.end(), std::back_inserter(base.items));
    }
    return;
  }
  // One that logs elsewhere has options of its own.
  if (within == "logging" && other["driver"].Says() &&
      base["driver"].Text() != other["driver"].Text()) {
    base.Remove("options");
  }
  for (Member& member : other.members) {
    if (Node* found = base.Find(member.key)) {
      const Place place = member.node.IsNull() ? found->place : member.node.place;
      Merge(*found, std::move(member.node), path.empty() ? member.key : path + "/" + member.key,
            wrong);
      if (found->IsScalar()) found->place = place;
    } else {
      base.members.push_back(std::move(member));
    }
  }
}

void DropReset(Node& node) {
  std::erase_if(node.items, [](const Node& item) { return item.tag == kReset; });
  std::erase_if(node.members, [](const Member& member) { return member.node.tag == kReset; });
  for (Node& item : node.items) DropReset(item);
  for (Member& member : node.members) DropReset(member.node);
}

}  // namespace skiff::cli::compose
