#include "dns/view.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <tuple>

#include "base/error.h"

namespace skiff::dns {
namespace {

// "namespace/name" without heap: both are labels, or ends of names at most.
class Key {
 public:
  Key(std::string_view namespace_, std::string_view name) {
    CHECK(namespace_.size() + 1 + name.size() <= sizeof text_);
    std::memcpy(text_, namespace_.data(), namespace_.size());
    text_[namespace_.size()] = '/';
    std::memcpy(text_ + namespace_.size() + 1, name.data(), name.size());
    size_ = namespace_.size() + 1 + name.size();
  }
  std::string_view view() const { return {text_, size_}; }

 private:
  char text_[2 * Name::kBytesMax];
  size_t size_;
};

std::string_view AddressBytes(const IpAddress& address) {
  return {reinterpret_cast<const char*>(address.bytes.data()), address.bit_count() / 8};
}

// Takes those of `gone` out of `names`; both are sorted.
void TakeOut(std::vector<std::string>& names, const std::vector<std::string>& gone) {
  std::vector<std::string> left;
  std::set_difference(std::make_move_iterator(names.begin()), std::make_move_iterator(names.end()),
                      gone.begin(), gone.end(), std::back_inserter(left));
  names = std::move(left);
}

// The same, of those that come.
void PutIn(std::vector<std::string>& names, const std::vector<std::string>& come) {
  const auto before = static_cast<ptrdiff_t>(names.size());
  names.insert(names.end(), come.begin(), come.end());
  std::inplace_merge(names.begin(), names.begin() + before, names.end());
}

}  // namespace

// An endpoint may stand in two slices for a moment, while it moves.
void ServiceRecord::IndexEndpoints() {
  std::stable_sort(endpoints.begin(), endpoints.end(), [](const auto& a, const auto& b) {
    return std::tie(a.label, a.address) < std::tie(b.label, b.address);
  });
  std::unordered_set<const ServicePorts*> of_label, of_all;
  for (size_t i = 0; i < endpoints.size(); ++i) {
    EndpointRecord& endpoint = endpoints[i];
    if (i > 0 && endpoints[i - 1].label != endpoint.label) of_label.clear();
    endpoint.repeats_ports = !of_label.insert(endpoint.ports.get()).second;
    if (of_all.insert(endpoint.ports.get()).second) port_tables.push_back(endpoint.ports);
    endpoint_addresses.push_back(endpoint.address);
  }
  std::sort(endpoint_addresses.begin(), endpoint_addresses.end());
  const auto repeated = std::unique(endpoint_addresses.begin(), endpoint_addresses.end());
  endpoint_addresses.erase(repeated, endpoint_addresses.end());
}

size_t AddressHash::operator()(const IpAddress& address) const {
  return std::hash<std::string_view>()(AddressBytes(address));
}

size_t View::ServiceShard(std::string_view key) {
  return std::hash<std::string_view>()(key) >> 8 & (kShards - 1);
}

size_t View::AddressShard(const IpAddress& address) {
  return AddressHash()(address) >> 8 & (kShards - 1);
}

const ServiceRecord* View::Find(std::string_view namespace_, std::string_view name) const {
  const Key key(namespace_, name);
  const auto& shard = services_[ServiceShard(key.view())];
  if (!shard) return nullptr;
  const auto found = shard->find(key.view());
  return found == shard->end() ? nullptr : found->second.get();
}

bool View::HasNamespace(std::string_view namespace_) const {
  return namespaces_ && namespaces_->contains(namespace_);
}

bool View::IsNode(const IpAddress& address) const {
  return nodes_ && nodes_->contains(address);
}

const std::vector<std::string>* View::NamesOf(const IpAddress& address) const {
  const auto& shard = reverse_[AddressShard(address)];
  if (!shard) return nullptr;
  const auto found = shard->find(address);
  return found == shard->end() ? nullptr : &found->second;
}

ViewBuilder::NamesByAddress ViewBuilder::NamesOf(const ServiceRecord& record) {
  NamesByAddress names;
  const std::string service = record.name + "." + record.namespace_ + ".svc";
  for (const IpAddress& address : record.cluster_ips) names.emplace_back(address, service);
  for (const EndpointRecord& endpoint : record.endpoints) {
    names.emplace_back(endpoint.address, endpoint.label + "." + service);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

void ViewBuilder::Set(const std::string& namespace_, const std::string& name,
                      View::ServicePtr record) {
  const std::string key(Key(namespace_, name).view());
  const size_t shard = View::ServiceShard(key);
  View::Services& services = services_[shard];
  const auto known = services.find(key);
  if (known == services.end() && !record) return;
  const NamesByAddress before =
      known == services.end() ? NamesByAddress() : NamesOf(*known->second);
  const NamesByAddress now = record ? NamesOf(*record) : NamesByAddress();
  if (record) {
    services[key] = std::move(record);
  } else {
    services.erase(known);
  }
  services_changed_[shard] = true;
  NamesByAddress gone, come;
  std::set_difference(before.begin(), before.end(), now.begin(), now.end(),
                      std::back_inserter(gone));
  std::set_difference(now.begin(), now.end(), before.begin(), before.end(),
                      std::back_inserter(come));
  ChangeNames(gone, &TakeOut);
  ChangeNames(come, &PutIn);
}

// All of an address at once: one may have as many names as services have endpoints.
void ViewBuilder::ChangeNames(const NamesByAddress& list, Change change) {
  for (auto each = list.begin(); each != list.end();) {
    const IpAddress address = each->first;
    std::vector<std::string> texts;
    for (; each != list.end() && each->first == address; ++each) texts.push_back(each->second);
    const size_t at = View::AddressShard(address);
    auto& names = reverse_[at][address];
    change(names, texts);
    if (names.empty()) reverse_[at].erase(address);
    reverse_changed_[at] = true;
  }
}

void ViewBuilder::SetNamespaces(View::Namespaces namespaces) {
  if (view_.namespaces_ && *view_.namespaces_ == namespaces) return;
  view_.namespaces_ = std::make_shared<const View::Namespaces>(std::move(namespaces));
}

void ViewBuilder::SetNodes(View::Addresses nodes) {
  view_.nodes_ = std::make_shared<const View::Addresses>(std::move(nodes));
}

std::shared_ptr<const View> ViewBuilder::Build(uint32_t serial) {
  for (size_t i = 0; i < View::kShards; ++i) {
    if (services_changed_[i]) {
      view_.services_[i] =
          services_[i].empty() ? nullptr : std::make_shared<const View::Services>(services_[i]);
    }
    if (reverse_changed_[i]) {
      view_.reverse_[i] =
          reverse_[i].empty() ? nullptr : std::make_shared<const View::Reverse>(reverse_[i]);
    }
  }
  services_changed_.fill(false);
  reverse_changed_.fill(false);
  view_.serial_ = std::max(view_.serial_ + 1, serial);
  return std::make_shared<const View>(view_);
}

}  // namespace skiff::dns
