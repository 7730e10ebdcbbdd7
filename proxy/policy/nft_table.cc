#include "proxy/policy/nft_table.h"

#include <fmt/format.h>

namespace skiff::netpol {
namespace {

// Elements that one command names: lines stay short enough to be read by people, too.
constexpr size_t kElementsALine = 200;

bool IsMap(const std::string& declaration) {
  return declaration.find(" : ") != std::string::npos;
}

std::string ElementText(const std::string& element, const std::string& value) {
  return value.empty() ? element : element + " : " + value;
}

// "add element T SET { a, b }" in as many lines as it takes.
void ElementLines(std::string_view verb, const std::string& set,
                  const std::vector<std::string>& elements, std::string& text) {
  for (size_t at = 0; at < elements.size(); at += kElementsALine) {
    text += fmt::format("{} element {} {{ ", verb, set);
    for (size_t i = at; i < elements.size() && i < at + kElementsALine; ++i) {
      text += (i == at ? "" : ", ") + elements[i];
    }
    text += " }\n";
  }
}

}  // namespace

void NftTable::AddSet(const std::string& name, const std::string& declaration) {
  const auto [set, added] = sets_.try_emplace(name, Set{declaration, {}});
  if (!added) return;
  gone_sets_.erase(name);
  dirty_sets_.insert(name);
}

void NftTable::RemoveSet(const std::string& name) {
  if (sets_.erase(name) == 0) return;
  dirty_sets_.erase(name);
  dirty_elements_.erase(name);
  gone_sets_.insert(name);
}

void NftTable::Put(const std::string& set, const std::string& element, const std::string& value) {
  auto& elements = sets_.at(set).elements;
  const auto had = elements.find(element);
  if (had != elements.end() && had->second == value) return;
  if (!dirty_sets_.contains(set)) {
    std::optional<std::string> before;
    if (had != elements.end()) before = had->second;
    dirty_elements_[set].try_emplace(element, std::move(before));
  }
  elements[element] = value;
}

void NftTable::Erase(const std::string& set, const std::string& element) {
  auto& elements = sets_.at(set).elements;
  const auto had = elements.find(element);
  if (had == elements.end()) return;
  if (!dirty_sets_.contains(set)) dirty_elements_[set].try_emplace(element, had->second);
  elements.erase(had);
}

void NftTable::SetChain(const std::string& name, std::vector<std::string> rules) {
  const auto [chain, added] = chains_.try_emplace(name);
  if (!added && chain->second == rules) return;
  chain->second = std::move(rules);
  gone_chains_.erase(name);
  dirty_chains_.insert(name);
}

void NftTable::RemoveChain(const std::string& name) {
  if (chains_.erase(name) == 0) return;
  dirty_chains_.erase(name);
  gone_chains_.insert(name);
}

std::string NftTable::WholeText() const {
  std::string text = fmt::format("table {0} {{ }}\ndelete table {0}\ntable {0} {{\n", name_);
  text += fmt::format("\tcomment \"{}\"\n", comment_);
  for (const auto& [name, set] : sets_) {
    text += fmt::format("\t{} {} {{ {};", IsMap(set.declaration) ? "map" : "set", name,
                        set.declaration);
    const char* separator = " elements = { ";
    for (const auto& [element, value] : set.elements) {
      text += separator + ElementText(element, value);
      separator = ", ";
    }
    text += set.elements.empty() ? " }\n" : " }; }\n";
  }
  for (const auto& [name, rules] : chains_) {
    text += fmt::format("\tchain {} {{\n", name);
    for (const std::string& rule : rules) text += "\t\t" + rule + "\n";
    text += "\t}\n";
  }
  return text + "}\n";
}

void NftTable::AddSetTexts(std::string& text) const {
  for (const std::string& name : dirty_sets_) {
    const Set& set = sets_.at(name);
    text += fmt::format("add {} {} {} {{ {}; }}\n", IsMap(set.declaration) ? "map" : "set", name_,
                        name, set.declaration);
    if (kernel_sets_.contains(name)) text += fmt::format("flush set {} {}\n", name_, name);
  }
}

void NftTable::ElementTexts(std::string& text) const {
  std::map<std::string, std::vector<std::string>> added;
  for (const auto& [name, elements] : dirty_elements_) {
    std::vector<std::string> deleted;
    const Set& set = sets_.at(name);
    for (const auto& [element, before] : elements) {
      const auto now = set.elements.find(element);
      const bool same = now == set.elements.end() ? !before : before == now->second;
      if (same) continue;
      if (before) deleted.push_back(element);
      if (now != set.elements.end()) added[name].push_back(ElementText(element, now->second));
    }
    ElementLines("delete", name_ + " " + name, deleted, text);
  }
  for (const std::string& name : dirty_sets_) {
    for (const auto& [element, value] : sets_.at(name).elements) {
      added[name].push_back(ElementText(element, value));
    }
  }
  for (const auto& [name, elements] : added) {
    ElementLines("add", name_ + " " + name, elements, text);
  }
}

void NftTable::ChainTexts(std::string& text) const {
  for (const std::string& name : dirty_chains_) {
    if (kernel_chains_.contains(name)) text += fmt::format("flush chain {} {}\n", name_, name);
    for (const std::string& rule : chains_.at(name)) {
      text += fmt::format("add rule {} {} {}\n", name_, name, rule);
    }
  }
}

std::string NftTable::ChangeText() const {
  std::string text;
  for (const std::string& name : empty_chains_) {
    if (!chains_.contains(name)) text += fmt::format("delete chain {} {}\n", name_, name);
  }
  for (const std::string& name : empty_sets_) {
    if (!sets_.contains(name)) text += fmt::format("delete set {} {}\n", name_, name);
  }
  AddSetTexts(text);
  // Before what leads to them.
  for (const std::string& name : dirty_chains_) {
    if (!kernel_chains_.contains(name)) text += fmt::format("add chain {} {}\n", name_, name);
  }
  ElementTexts(text);
  ChainTexts(text);
  for (const std::string& name : gone_chains_) {
    if (kernel_chains_.contains(name) && !empty_chains_.contains(name)) {
      text += fmt::format("flush chain {} {}\n", name_, name);
    }
  }
  for (const std::string& name : gone_sets_) {
    if (kernel_sets_.contains(name) && !empty_sets_.contains(name)) {
      text += fmt::format("flush set {} {}\n", name_, name);
    }
  }
  return text;
}

void NftTable::CommitChange() {
  const auto settle = [](std::set<std::string>& kernel, std::set<std::string>& emptied,
                         std::set<std::string>& dirty, std::set<std::string>& gone) {
    // Those that were emptied are deleted by now, or wanted again.
    for (const std::string& name : emptied) kernel.erase(name);
    const std::set<std::string> deleted = std::move(emptied);
    emptied.clear();
    for (const std::string& name : gone) {
      if (kernel.contains(name) && !deleted.contains(name)) emptied.insert(name);
    }
    kernel.insert(dirty.begin(), dirty.end());
    dirty.clear();
    gone.clear();
  };
  settle(kernel_chains_, empty_chains_, dirty_chains_, gone_chains_);
  settle(kernel_sets_, empty_sets_, dirty_sets_, gone_sets_);
  dirty_elements_.clear();
}

void NftTable::CommitWhole() {
  kernel_chains_.clear();
  kernel_sets_.clear();
  for (const auto& [name, rules] : chains_) kernel_chains_.insert(name);
  for (const auto& [name, set] : sets_) kernel_sets_.insert(name);
  for (auto* names : {&dirty_chains_, &dirty_sets_, &gone_chains_, &gone_sets_, &empty_chains_,
                      &empty_sets_}) {
    names->clear();
  }
  dirty_elements_.clear();
}

size_t NftTable::rules() const {
  size_t count = 0;
  for (const auto& [name, rules] : chains_) count += rules.size();
  return count;
}

size_t NftTable::elements() const {
  size_t count = 0;
  for (const auto& [name, set] : sets_) count += set.elements.size();
  return count;
}

}  // namespace skiff::netpol
