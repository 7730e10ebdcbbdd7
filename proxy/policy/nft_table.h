// One table of nftables as it should be, and the texts for `nft -f` that bring the kernel there:
// all of it, or what has changed since the last text that was written. A change costs what it
// concerns, however large the table is. Pure.
//
//   table.AddSet("pods4", "type ipv4_addr");
//   table.Put("pods4", "10.244.0.2");
//   table.SetChain("forward", {"ip saddr @pods4 accept"});
//   ... nft -f <- table.WholeText(); when that went well: table.CommitWhole();
//   ... nft -f <- table.ChangeText(); table.CommitChange();
//
// What goes is emptied by one text and deleted by the next: older kernels refuse to delete in one
// transaction both a chain and what led to it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace skiff::netpol {

class NftTable {
 public:
  // `name` is family and name: "inet skiff-policy".
  NftTable(std::string name, std::string comment)
      : name_(std::move(name)), comment_(std::move(comment)) {}

  // `declaration`: "type ipv4_addr; flags interval"; with "type ... : verdict" it is a map. The
  // same name always has the same one.
  void AddSet(const std::string& name, const std::string& declaration);
  void RemoveSet(const std::string& name);
  // `value`: of a map's element. The set is there.
  void Put(const std::string& set, const std::string& element, const std::string& value = "");
  void Erase(const std::string& set, const std::string& element);
  // Rules, or for a base chain what it hooks into before them.
  void SetChain(const std::string& name, std::vector<std::string> rules);
  void RemoveChain(const std::string& name);

  // Replaces whatever the kernel has under this name.
  std::string WholeText() const;
  // From what the kernel has by the last commit; "" when nothing differs.
  std::string ChangeText() const;
  void CommitWhole();
  void CommitChange();
  // Something is emptied, and a next text would delete it.
  bool has_leftovers() const { return !empty_sets_.empty() || !empty_chains_.empty(); }

  size_t rules() const;
  size_t elements() const;

 private:
  struct Set {
    std::string declaration;
    std::map<std::string, std::string> elements;
  };
  using Elements = std::map<std::string, std::optional<std::string>>;
  void AddSetTexts(std::string& text) const;
  void ElementTexts(std::string& text) const;
  void ChainTexts(std::string& text) const;

  const std::string name_;
  const std::string comment_;
  std::map<std::string, Set> sets_;
  std::map<std::string, std::vector<std::string>> chains_;

  // What is to be written: chains and sets as a whole, and single elements with what the kernel has
  // of them (unset: nothing).
  std::set<std::string> dirty_chains_, dirty_sets_;
  std::map<std::string, Elements> dirty_elements_;
  // Gone since the last commit.
  std::set<std::string> gone_chains_, gone_sets_;
  // What there is in the kernel; of it, what was emptied to be deleted.
  std::set<std::string> kernel_chains_, kernel_sets_, empty_chains_, empty_sets_;
};

}  // namespace skiff::netpol
