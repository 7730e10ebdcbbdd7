#include "kubelet/kept_objects.h"

#include <set>
#include <type_traits>

#include "api/gen/authentication_v1.h"
#include "api/rules/pods/pod_references.h"

namespace skiff::kubelet {
namespace {

// Nobody was there, or who was there could not say. What is no Status at all comes from a proxy in
// between.
bool IsUnanswered(const Error& error) {
  switch (error.reason) {
    case Reason::kServiceUnavailable:
    case Reason::kTimeout:
    case Reason::kServerTimeout:
    case Reason::kInternalError:
      return true;
    case Reason::kUnknown:
      return error.http_code == 0 || error.http_code >= 500;
    default:
      return false;
  }
}

}  // namespace

template <>
std::map<ObjectKey, Ptr<core_v1::ConfigMap>>& KeptObjects::Store<core_v1::ConfigMap>() {
  return config_maps_;
}
template <>
std::map<ObjectKey, Ptr<core_v1::Secret>>& KeptObjects::Store<core_v1::Secret>() {
  return secrets_;
}
template <>
std::map<ObjectKey, Ptr<core_v1::PersistentVolumeClaim>>&
KeptObjects::Store<core_v1::PersistentVolumeClaim>() {
  return claims_;
}
template <>
std::map<ObjectKey, Ptr<core_v1::PersistentVolume>>&
KeptObjects::Store<core_v1::PersistentVolume>() {
  return volumes_;
}
template <>
std::map<ObjectKey, Ptr<node_v1::RuntimeClass>>& KeptObjects::Store<node_v1::RuntimeClass>() {
  return runtime_classes_;
}

void KeptObjects::HoldAfter(const Error& error) {
  if (IsUnanswered(error)) held_until_ = clock_.Monotonic() + kHold;
}

template <Kind K>
Result<Ptr<K>> KeptObjects::Get(const std::string& namespace_, const std::string& name) {
  const ObjectKey key{namespace_, name};
  if constexpr (std::is_same_v<K, core_v1::ConfigMap>) {
    if (auto cached = config_map_cache_ ? config_map_cache_->Get(key) : nullptr) return cached;
  }
  {
    MutexLock lock(mutex_);
    const auto kept = Store<K>().find(key);
    if (kept != Store<K>().end() && clock_.Monotonic() < held_until_) return kept->second;
  }
  auto found = client_.Get<K>(key);
  MutexLock lock(mutex_);
  if (found) {
    Store<K>()[key] = *found;
    return found;
  }
  if (found.error().reason == Reason::kNotFound) {
    Store<K>().erase(key);
    return found;
  }
  HoldAfter(found.error());
  const auto kept = Store<K>().find(key);
  if (kept != Store<K>().end()) return kept->second;
  return found;
}

template Result<Ptr<core_v1::ConfigMap>> KeptObjects::Get(const std::string&, const std::string&);
template Result<Ptr<core_v1::Secret>> KeptObjects::Get(const std::string&, const std::string&);
template Result<Ptr<core_v1::PersistentVolumeClaim>> KeptObjects::Get(const std::string&,
                                                                      const std::string&);
template Result<Ptr<core_v1::PersistentVolume>> KeptObjects::Get(const std::string&,
                                                                 const std::string&);
template Result<Ptr<node_v1::RuntimeClass>> KeptObjects::Get(const std::string&,
                                                             const std::string&);

Result<KeptObjects::KeptToken> KeptObjects::RequestToken(const core_v1::Pod& pod,
                                                         const std::string& audience,
                                                         int64_t expiration_seconds) {
  Json request = {{"apiVersion", "authentication.k8s.io/v1"},
                  {"kind", "TokenRequest"},
                  {"spec",
                   {{"expirationSeconds", expiration_seconds},
                    {"boundObjectRef",
                     {{"apiVersion", "v1"},
                      {"kind", "Pod"},
                      {"name", pod.metadata.name},
                      {"uid", pod.metadata.uid}}}}}};
  request["spec"]["audiences"] = audience.empty() ? Json::array() : Json::array({audience});
  const Json answer = TRY(client_.Create(core_v1::ServiceAccount::Info(),
                                         {pod.metadata.namespace_, pod.spec.service_account_name},
                                         request, "token"));
  KeptToken made{answer.value("/status/token"_json_pointer, std::string()), clock_.Monotonic(),
                 clock_.Now()};
  const auto expires =
      Time::Parse(answer.value("/status/expirationTimestamp"_json_pointer, std::string()));
  if (expires) made.expires_at = expires->point();
  return made;
}

Result<std::string> KeptObjects::Token(const core_v1::Pod& pod, const std::string& audience,
                                       int64_t expiration_seconds) {
  const TokenKey key{pod.metadata.uid, audience, expiration_seconds};
  const auto kept = [&]() REQUIRES(mutex_) -> const KeptToken* {
    const auto found = tokens_.find(key);
    return found != tokens_.end() && found->second.expires_at > clock_.Now() ? &found->second
                                                                            : nullptr;
  };
  {
    MutexLock lock(mutex_);
    const auto last = tokens_.find(key);
    if (last != tokens_.end() && clock_.Monotonic() - last->second.asked_at < kTokenPause) {
      return last->second.token;
    }
    if (const KeptToken* token = kept(); token && clock_.Monotonic() < held_until_) {
      return token->token;
    }
  }
  auto made = RequestToken(pod, audience, expiration_seconds);
  MutexLock lock(mutex_);
  if (made) {
    tokens_[key] = *made;
    return made->token;
  }
  if (made.error().reason == Reason::kNotFound) {
    tokens_.erase(key);
    return tl::unexpected(made.error());
  }
  HoldAfter(made.error());
  if (const KeptToken* token = kept()) return token->token;
  return tl::unexpected(made.error());
}

void KeptObjects::Retain(const std::vector<Ptr<core_v1::Pod>>& pods) {
  std::set<ObjectKey> config_maps, secrets, claims, runtime_classes;
  std::set<std::string> uids;
  for (const auto& pod : pods) {
    const PodReferences references = ReferencesOf(*pod);
    const std::string& in = pod->metadata.namespace_;
    uids.insert(pod->metadata.uid);
    if (pod->spec.runtime_class_name) runtime_classes.insert({"", *pod->spec.runtime_class_name});
    for (const auto& name : references.config_maps) config_maps.insert({in, name});
    for (const auto& name : references.secrets) secrets.insert({in, name});
    for (const auto& name : references.claims) claims.insert({in, name});
  }
  const auto unless_in = [](const std::set<ObjectKey>& wanted) {
    return [&wanted](const auto& kept) { return !wanted.contains(kept.first); };
  };
  MutexLock lock(mutex_);
  std::erase_if(config_maps_, unless_in(config_maps));
  std::erase_if(secrets_, unless_in(secrets));
  std::erase_if(claims_, unless_in(claims));
  std::erase_if(runtime_classes_, unless_in(runtime_classes));
  std::erase_if(volumes_, [&](const auto& kept) {
    const auto& claim = kept.second->spec.claim_ref;
    return !claim || !claims.contains({claim->namespace_, claim->name});
  });
  std::erase_if(tokens_, [&](const auto& kept) { return !uids.contains(std::get<0>(kept.first)); });
}

size_t KeptObjects::size() const {
  MutexLock lock(mutex_);
  return config_maps_.size() + secrets_.size() + claims_.size() + volumes_.size() +
         runtime_classes_.size() + tokens_.size();
}

}  // namespace skiff::kubelet
