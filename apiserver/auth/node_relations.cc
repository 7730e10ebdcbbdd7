#include "apiserver/auth/node_relations.h"

#include "api/pods/mirror_pods.h"
#include "api/rules/pods/pod_references.h"

namespace skiff {
namespace {

std::string Joined(std::string_view a, std::string_view b) {
  return std::string(a).append("/").append(b);
}

std::string KeyOfObject(std::string_view resource, std::string_view namespace_name,
                        std::string_view name) {
  return Joined(resource, namespace_name).append("/").append(name);
}

template <typename Names>
void AddAll(std::string_view resource, const std::string& namespace_name, const Names& names,
            std::vector<std::string>& out) {
  for (const std::string& name : names) out.push_back(KeyOfObject(resource, namespace_name, name));
}

std::vector<std::string> NamedBy(const core_v1::Pod& pod) {
  std::vector<std::string> named;
  // What runs on a machine by itself proves no right to what it names.
  if (pod.metadata.annotations.contains(kMirrorPodAnnotation)) return named;
  const std::string& space = pod.metadata.namespace_;
  const PodReferences names = ReferencesOf(pod);
  AddAll("secrets", space, names.secrets, named);
  AddAll("configmaps", space, names.config_maps, named);
  AddAll("persistentvolumeclaims", space, names.claims, named);
  AddAll("resourceclaims", space, names.resource_claims, named);
  if (!names.service_account.empty()) {
    named.push_back(KeyOfObject("serviceaccounts", space, names.service_account));
  }
  return named;
}

void Put(const std::string& name, const std::string& node,
         std::map<std::string, std::string, std::less<>>& into) {
  if (node.empty()) {
    into.erase(name);
  } else {
    into[name] = node;
  }
}

bool Leads(const std::map<std::string, std::string, std::less<>>& from, std::string_view name,
           std::string_view node) {
  const auto found = from.find(name);
  return found != from.end() && found->second == node;
}

}  // namespace

std::set<std::string> KubeletSecretsOf(const core_v1::PersistentVolume& volume) {
  std::set<std::string> secrets;
  const core_v1::PersistentVolumeSpec& spec = volume.spec;
  if (!spec.claim_ref) return secrets;
  const auto add = [&](const auto& reference) {
    if (!reference || reference->name.empty()) return;
    const bool given = !reference->namespace_.empty();
    secrets.insert(Joined(given ? reference->namespace_ : spec.claim_ref->namespace_,
                          reference->name));
  };
  if (spec.azure_file) {
    const std::string space = spec.azure_file->secret_namespace.value_or("");
    secrets.insert(Joined(space.empty() ? spec.claim_ref->namespace_ : space,
                          spec.azure_file->secret_name));
  }
  if (spec.cephfs) add(spec.cephfs->secret_ref);
  if (spec.cinder) add(spec.cinder->secret_ref);
  if (spec.flex_volume) add(spec.flex_volume->secret_ref);
  if (spec.rbd) add(spec.rbd->secret_ref);
  if (spec.scale_io) add(spec.scale_io->secret_ref);
  if (spec.iscsi) add(spec.iscsi->secret_ref);
  if (spec.storageos) add(spec.storageos->secret_ref);
  if (spec.csi) {
    // Those for publishing and expanding by the controller are no business of kubelets.
    add(spec.csi->node_publish_secret_ref);
    add(spec.csi->node_stage_secret_ref);
    add(spec.csi->node_expand_secret_ref);
  }
  return secrets;
}

void NodeRelations::Count(const Pod& pod) {
  for (const Key& key : pod.named) ++named_[key][pod.node];
}

void NodeRelations::SetPod(const core_v1::Pod& pod) {
  ForgetPod(pod.metadata.namespace_, pod.metadata.name);
  if (pod.spec.node_name.empty()) return;
  const Key key = Joined(pod.metadata.namespace_, pod.metadata.name);
  Pod& entry = pods_[key];
  entry = {.node = pod.spec.node_name,
           .uid = pod.metadata.uid,
           .named = NamedBy(pod),
           .names_what_may_go = !pod.spec.ephemeral_containers.empty() ||
                                !pod.status.resource_claim_statuses.empty(),
           .listing = listing_};
  Count(entry);
}

void NodeRelations::ForgetPod(std::string_view namespace_name, std::string_view name) {
  const auto known = pods_.find(Joined(namespace_name, name));
  if (known != pods_.end()) Forget(known);
}

NodeRelations::Pods::iterator NodeRelations::Forget(Pods::iterator known) {
  for (const Key& key : known->second.named) {
    const auto users = named_.find(key);
    const auto count = users->second.find(known->second.node);
    if (--count->second == 0) users->second.erase(count);
    if (users->second.empty()) named_.erase(users);
  }
  return pods_.erase(known);
}

NodeRelations::KnownPod NodeRelations::FindPod(std::string_view namespace_name,
                                               std::string_view name,
                                               std::string_view node) const {
  const auto known = pods_.find(Joined(namespace_name, name));
  if (known == pods_.end() || known->second.node != node) return {};
  return {known->second.uid, known->second.names_what_may_go};
}

void NodeRelations::SetVolume(const core_v1::PersistentVolume& volume) {
  ForgetVolume(volume.metadata.name);
  if (!volume.spec.claim_ref) return;
  Volume& entry = volumes_[volume.metadata.name];
  entry.claim = KeyOfObject("persistentvolumeclaims", volume.spec.claim_ref->namespace_,
                            volume.spec.claim_ref->name);
  for (const std::string& secret : KubeletSecretsOf(volume)) {
    entry.secrets.push_back(secret);
    volumes_of_secrets_[secret].insert(volume.metadata.name);
  }
}

void NodeRelations::ForgetVolume(std::string_view name) {
  const auto known = volumes_.find(name);
  if (known == volumes_.end()) return;
  for (const Key& secret : known->second.secrets) {
    const auto volumes = volumes_of_secrets_.find(secret);
    volumes->second.erase(known->first);
    if (volumes->second.empty()) volumes_of_secrets_.erase(volumes);
  }
  volumes_.erase(known);
}

void NodeRelations::SetAttachment(const std::string& name, const std::string& node) {
  Put(name, node, attachments_);
}

void NodeRelations::SetSlice(const std::string& name, const std::string& node) {
  Put(name, node, slices_);
}

void NodeRelations::KeepPod(std::string_view namespace_name, std::string_view name) {
  const auto known = pods_.find(Joined(namespace_name, name));
  if (known != pods_.end()) known->second.listing = listing_;
}

void NodeRelations::EndPods() {
  for (auto pod = pods_.begin(); pod != pods_.end();) {
    pod = pod->second.listing == listing_ ? std::next(pod) : Forget(pod);
  }
}

void NodeRelations::ClearVolumes() {
  volumes_.clear();
  volumes_of_secrets_.clear();
}

bool NodeRelations::IsNamedOn(std::string_view node, const Key& key) const {
  const auto users = named_.find(key);
  return users != named_.end() && users->second.contains(node);
}

bool NodeRelations::Reaches(std::string_view node, std::string_view resource,
                            std::string_view namespace_name, std::string_view name) const {
  if (resource == "pods") return !FindPod(namespace_name, name, node).uid.empty();
  if (resource == "volumeattachments") return Leads(attachments_, name, node);
  if (resource == "resourceslices") return Leads(slices_, name, node);
  if (resource == "persistentvolumes") {
    const auto volume = volumes_.find(name);
    return volume != volumes_.end() && IsNamedOn(node, volume->second.claim);
  }
  if (IsNamedOn(node, KeyOfObject(resource, namespace_name, name))) return true;
  if (resource != "secrets") return false;
  const auto volumes = volumes_of_secrets_.find(Joined(namespace_name, name));
  if (volumes == volumes_of_secrets_.end()) return false;
  for (const Key& volume : volumes->second) {
    if (IsNamedOn(node, volumes_.find(volume)->second.claim)) return true;
  }
  return false;
}

}  // namespace skiff
