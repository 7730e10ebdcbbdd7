#include "api/rules/core/persistent_volume_validation.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/core/persistent_volume_claim_spec.h"
#include "api/rules/go_struct.h"
#include "api/rules/pods/pod_spec_validation.h"
#include "api/rules/pods/volume_sources.h"

namespace skiff {
namespace {

using namespace core_v1;

constexpr const char* kMountOptions = "volume.beta.kubernetes.io/mount-options";

void ValidateCapacity(const PersistentVolumeSpec& spec, const FieldPath& path, Violations& out) {
  if (spec.capacity.empty()) out.Required(path);
  if (!spec.capacity.contains("storage") || spec.capacity.size() > 1) {
    Json amounts = Json::object();
    for (const auto& [name, amount] : spec.capacity) amounts[name] = amount.Text();
    out.NotSupported(path, spec.capacity.empty() ? Json(nullptr) : amounts, {"storage"});
  }
  for (const auto& [name, amount] : spec.capacity) {
    if (amount < Quantity()) {
      out.Invalid(path.Key(name), amount.Value(), "must be a valid resource quantity");
    }
    if (amount <= Quantity()) out.Invalid(path.Key(name), amount.Text(), kMustBePositive);
  }
}

void RequireAccessModes(const std::vector<std::string>& modes, const FieldPath& path,
                        Violations& out) {
  if (modes.empty()) out.Required(path);
  CheckAccessModes(modes, path, out);
}

void RequireSecretRef(const SecretReference& secret, const FieldPath& path, Violations& out) {
  Require(secret.name, path.Child("name"), out);
  Require(secret.namespace_, path.Child("namespace"), out);
}

void ValidateGlusterfs(const GlusterfsPersistentVolumeSource& source, const FieldPath& path,
                       Violations& out) {
  Require(source.endpoints, path.Child("endpoints"), out);
  Require(source.path, path.Child("path"), out);
  if (!source.endpoints_namespace) return;
  const FieldPath at = path.Child("endpointsNamespace");
  if (source.endpoints_namespace->empty()) {
    return out.Invalid(at, "",
                       "if the endpointnamespace is set, it must be a valid namespace name");
  }
  CheckFormat(Dns1123LabelErrors, *source.endpoints_namespace, at, out);
}

void ValidateRbd(const RBDPersistentVolumeSource& source, const FieldPath& path, Violations& out) {
  if (source.monitors.empty()) out.Required(path.Child("monitors"));
  Require(source.image, path.Child("image"), out);
}

void ValidateIscsi(const ISCSIPersistentVolumeSource& source, const std::string& volume_name,
                   const FieldPath& path, Violations& out) {
  constexpr size_t kNameBytesMax = 64;
  constexpr const char* kBadName = "must be valid format";
  Require(source.target_portal, path.Child("targetPortal"), out);
  if (source.iqn.empty()) {
    out.Required(path.Child("iqn"));
  } else if (!IsIscsiName(source.iqn)) {
    out.Invalid(path.Child("iqn"), source.iqn, kBadName);
  }
  CheckRange(source.lun, 0, 255, path.Child("lun"), out);
  if ((source.chap_auth_discovery || source.chap_auth_session) && !source.secret_ref) {
    out.Required(path.Child("secretRef"));
  }
  if (source.secret_ref)
    Require(source.secret_ref->name, path.Child("secretRef").Child("name"), out);
  if (!source.initiator_name) return;
  if (volume_name.size() + 1 + source.target_portal.size() > kNameBytesMax) {
    out.Invalid(path.Child("targetportal"), source.target_portal,
                "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if "
                "iscsi.initiatorName is specified.");
  }
  if (!IsIscsiName(*source.initiator_name)) {
    out.Invalid(path.Child("initiatorname"), *source.initiator_name, kBadName);
  }
}

void ValidateCinder(const CinderPersistentVolumeSource& source, const FieldPath& path,
                    Violations& out) {
  Require(source.volume_id, path.Child("volumeID"), out);
  if (source.secret_ref) RequireSecretRef(*source.secret_ref, path.Child("secretRef"), out);
}

void ValidateCephfs(const CephFSPersistentVolumeSource& source, const FieldPath& path,
                    Violations& out) {
  if (source.monitors.empty()) out.Required(path.Child("monitors"));
}

void ValidateAzureFile(const AzureFilePersistentVolumeSource& source, const FieldPath& path,
                       Violations& out) {
  Require(source.secret_name, path.Child("secretName"), out);
  Require(source.share_name, path.Child("shareName"), out);
  if (source.secret_namespace && source.secret_namespace->empty()) {
    out.Required(path.Child("secretNamespace"));
  }
}

void ValidateFlexVolume(const FlexPersistentVolumeSource& source, const FieldPath& path,
                        Violations& out) {
  FlexVolumeSource same;
  same.driver = source.driver;
  same.options = source.options;
  ValidateFlexVolume(same, path, out);
}

void ValidateScaleIo(const ScaleIOPersistentVolumeSource& source, const FieldPath& path,
                     Violations& out) {
  Require(source.gateway, path.Child("gateway"), out);
  Require(source.system, path.Child("system"), out);
  Require(source.volume_name, path.Child("volumeName"), out);
}

void ValidateStorageos(const StorageOSPersistentVolumeSource& source, const FieldPath& path,
                       Violations& out) {
  RequireFormat(Dns1123LabelErrors, source.volume_name, path.Child("volumeName"), out);
  if (!source.volume_namespace.empty()) {
    CheckFormat(Dns1123LabelErrors, source.volume_namespace, path.Child("volumeNamespace"), out);
  }
  if (!source.secret_ref) return;
  Require(source.secret_ref->name, path.Child("secretRef").Child("name"), out);
  Require(source.secret_ref->namespace_, path.Child("secretRef").Child("namespace"), out);
}

void ValidateLocal(const LocalVolumeSource& source, const FieldPath& path, Violations& out) {
  if (source.path.empty()) return out.Required(path.Child("path"));
  CheckNoBacksteps(source.path, path.Child("path"), out);
}

void ValidateCsi(const CSIPersistentVolumeSource& source, const FieldPath& path, Violations& out) {
  ValidateCsiDriverName(source.driver, path.Child("driver"), out);
  Require(source.volume_handle, path.Child("volumeHandle"), out);
  const auto secret = [&](const Box<SecretReference>& ref, const char* field) {
    if (!ref) return;
    const FieldPath at = path.Child(field);
    RequireFormat(Dns1123SubdomainErrors, ref->name, at.Child("name"), out);
    RequireFormat(Dns1123LabelErrors, ref->namespace_, at.Child("namespace"), out);
  };
  secret(source.controller_publish_secret_ref, "controllerPublishSecretRef");
  secret(source.controller_expand_secret_ref, "controllerExpandSecretRef");
  secret(source.node_publish_secret_ref, "nodePublishSecretRef");
  secret(source.node_expand_secret_ref, "nodeExpandSecretRef");
}

// Looks at the sources in Kubernetes' order; only the first counts.
void ValidateSources(const PersistentVolumeSpec& spec, const std::string& name,
                     const FieldPath& path, Violations& out) {
  int count = 0;
  // Two sources have another name where they come second; `second` is that one.
  const auto check = [&](const auto& source, const char* field, auto validate,
                         const char* second = nullptr) {
    if (!source) return;
    if (++count > 1) {
      return out.Forbidden(path.Child(second ? second : field),
                           "may not specify more than 1 volume type");
    }
    validate(*source, path.Child(field), out);
  };
  // Some names stand for a function of pods' sources and for one of these.
  const auto overloaded = [&](const auto& source, const char* field, auto validate,
                              const char* second = nullptr) {
    check(
        source, field,
        [&](const auto& value, const FieldPath& at, Violations& errors) {
          validate(value, at, errors);
        },
        second);
  };
  check(spec.host_path, "hostPath", ValidateHostPath);
  check(spec.gce_persistent_disk, "persistentDisk", ValidateGceDisk, "gcePersistentDisk");
  check(spec.aws_elastic_block_store, "awsElasticBlockStore", ValidateAwsVolume);
  overloaded(spec.glusterfs, "glusterfs",
             [](const auto& s, const auto& at, auto& e) { ValidateGlusterfs(s, at, e); });
  check(spec.flocker, "flocker", ValidateFlocker);
  check(spec.nfs, "nfs", ValidateNfs);
  overloaded(spec.rbd, "rbd",
             [](const auto& s, const auto& at, auto& e) { ValidateRbd(s, at, e); });
  check(spec.quobyte, "quobyte", ValidateQuobyte);
  overloaded(
      spec.cephfs, "cephfs",
      [](const auto& s, const auto& at, auto& e) { ValidateCephfs(s, at, e); }, "cephFS");
  overloaded(spec.iscsi, "iscsi",
             [&](const auto& s, const auto& at, auto& e) { ValidateIscsi(s, name, at, e); });
  overloaded(spec.cinder, "cinder",
             [](const auto& s, const auto& at, auto& e) { ValidateCinder(s, at, e); });
  check(spec.fc, "fc", ValidateFc);
  if (spec.flex_volume) {
    ++count;
    ValidateFlexVolume(*spec.flex_volume, path.Child("flexVolume"), out);
  }
  overloaded(spec.azure_file, "azureFile",
             [](const auto& s, const auto& at, auto& e) { ValidateAzureFile(s, at, e); });
  check(spec.vsphere_volume, "vsphereVolume", ValidateVsphere);
  check(spec.photon_persistent_disk, "photonPersistentDisk", ValidatePhoton);
  check(spec.portworx_volume, "portworxVolume", ValidatePortworx);
  check(spec.azure_disk, "azureDisk", ValidateAzureDisk);
  overloaded(spec.scale_io, "scaleIO",
             [](const auto& s, const auto& at, auto& e) { ValidateScaleIo(s, at, e); });
  check(spec.local, "local", ValidateLocal);
  if (spec.local && count == 1 && !spec.node_affinity) {
    out.Required(path.Child("nodeAffinity"), "Local volume requires node affinity");
  }
  overloaded(spec.storageos, "storageos",
             [](const auto& s, const auto& at, auto& e) { ValidateStorageos(s, at, e); });
  check(spec.csi, "csi", ValidateCsi);
  if (count == 0) out.Required(path, "must specify a volume type");
}

void ValidateNodeAffinityOf(const PersistentVolumeSpec& spec, const FieldPath& path,
                            Violations& out) {
  if (!spec.node_affinity) return;
  const FieldPath at = path.Child("required");
  if (!spec.node_affinity->required) {
    return out.Required(at, "must specify required node constraints");
  }
  ValidateNodeSelector(*spec.node_affinity->required, true, at, out);
}

void ValidateClasses(const PersistentVolumeSpec& spec, const FieldPath& path, Violations& out) {
  if (!spec.storage_class_name.empty()) {
    CheckFormat(Dns1123SubdomainErrors, spec.storage_class_name, path.Child("storageClassName"),
                out);
  }
  if (spec.volume_mode) {
    CheckOneOf(*spec.volume_mode, {"Block", "Filesystem"}, path.Child("volumeMode"), out);
  }
  if (!spec.volume_attributes_class_name) return;
  const FieldPath at = path.Child("volumeAttributesClassName");
  if (spec.volume_attributes_class_name->empty()) {
    out.Required(at, "an empty string is disallowed");
  } else {
    CheckFormat(Dns1123SubdomainErrors, *spec.volume_attributes_class_name, at, out);
  }
  if (!spec.csi) {
    out.Required(path.Child("csi"), "has to be specified when using volumeAttributesClassName");
  }
}

void ValidateSpec(const PersistentVolumeSpec& spec, const std::string& name, const FieldPath& path,
                  Violations& out) {
  RequireAccessModes(spec.access_modes, path.Child("accessModes"), out);
  ValidateCapacity(spec, path.Child("capacity"), out);
  const FieldPath policy = path.Child("persistentVolumeReclaimPolicy");
  CheckOneOf(spec.persistent_volume_reclaim_policy, {"Delete", "Recycle", "Retain"}, policy, out);
  ValidateNodeAffinityOf(spec, path.Child("nodeAffinity"), out);
  ValidateSources(spec, name, path, out);
  if (spec.host_path && spec.host_path->path == "/" &&
      spec.persistent_volume_reclaim_policy == "Recycle") {
    out.Forbidden(policy, "may not be 'recycle' for a hostPath mount of '/'");
  }
  ValidateClasses(spec, path, out);
}

bool HasMountOptions(const PersistentVolumeSpec& spec) {
  return spec.nfs || spec.glusterfs || spec.rbd || spec.iscsi || spec.cephfs || spec.cinder ||
         spec.azure_file || spec.vsphere_volume || spec.aws_elastic_block_store ||
         spec.gce_persistent_disk || spec.quobyte || spec.azure_disk || spec.storageos || spec.csi;
}

constexpr std::pair<std::string_view, std::string_view> kStableLabels[] = {
    {"failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"},
    {"failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"},
    {"beta.kubernetes.io/os", "kubernetes.io/os"},
    {"beta.kubernetes.io/arch", "kubernetes.io/arch"},
    {"beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type"},
};

// A label of beta may become the one that it is called today. Kubernetes takes a label that was
// never called otherwise for one that became "", which is refused for itself.
std::string_view StableLabel(std::string_view label) {
  for (const auto& [beta, stable] : kStableLabels) {
    if (label == beta) return stable;
  }
  return "";
}

void RenameBetaLabels(const std::vector<NodeSelectorRequirement>& now,
                      std::vector<NodeSelectorRequirement>& before) {
  for (size_t i = 0; i < std::min(now.size(), before.size()); ++i) {
    if (now[i].key == StableLabel(before[i].key)) before[i].key = now[i].key;
  }
}

// But for labels of beta that are called as they are today.
bool SameAffinity(const PersistentVolumeSpec& spec, const PersistentVolumeSpec& old) {
  const auto& now = spec.node_affinity;
  auto before = old.node_affinity;
  if (now && now->required && before && before->required) {
    const auto& terms = now->required->node_selector_terms;
    auto& old_terms = before->required->node_selector_terms;
    for (size_t i = 0; i < std::min(terms.size(), old_terms.size()); ++i) {
      RenameBetaLabels(terms[i].match_expressions, old_terms[i].match_expressions);
      RenameBetaLabels(terms[i].match_fields, old_terms[i].match_fields);
    }
  }
  return now == before;
}

// The source alone, to compare and to show it.
PersistentVolumeSource SourceOf(const PersistentVolumeSpec& spec) {
  const auto source = FromJson<PersistentVolumeSource>(ToJson(spec));
  CHECK(source.has_value());
  return *source;
}

}  // namespace

void ValidatePersistentVolume(const PersistentVolume& object, Violations& out) {
  const FieldPath metadata("metadata");
  ValidateSpec(object.spec, object.metadata.name, FieldPath("spec"), out);
  if (object.metadata.annotations.contains(kMountOptions) && !HasMountOptions(object.spec)) {
    out.Forbidden(metadata.Child("annotations").Child(kMountOptions),
                  "may not specify mount options for this volume type");
  }
}

void ValidatePersistentVolumeUpdate(const PersistentVolume& object, const PersistentVolume& old,
                                    Violations& out) {
  // Kubernetes looks at the whole volume twice: its causes stand twice, its message says them once.
  Violations of_volume;
  ValidatePersistentVolume(object, of_volume);
  out.Append(of_volume);
  out.Append(of_volume);
  PersistentVolumeSource now = SourceOf(object.spec);
  const PersistentVolumeSource before = SourceOf(old.spec);
  // A driver that learnt to expand may be told its secret.
  if (now.csi && before.csi && !before.csi->controller_expand_secret_ref) {
    now.csi->controller_expand_secret_ref.reset();
  }
  if (!(now == before)) {
    out.Forbidden(
        FieldPath("spec").Child("persistentvolumesource"),
        "spec.persistentvolumesource is immutable after creation\n" + GoStructDiff(before, now));
  }
  ValidateImmutable(object.spec.volume_mode, old.spec.volume_mode, FieldPath("volumeMode"), out);
  if (old.spec.node_affinity && !SameAffinity(object.spec, old.spec)) {
    constexpr const char* kImmutable =
        "field is immutable, except for updating from beta label to GA";
    const FieldPath at("nodeAffinity");
    object.spec.node_affinity ? out.Invalid(at, GoStruct(*object.spec.node_affinity), kImmutable)
                              : out.Invalid(at, nullptr, kImmutable);
  }
  if (old.spec.volume_attributes_class_name && !object.spec.volume_attributes_class_name) {
    out.Forbidden(FieldPath("spec").Child("volumeAttributesClassName"),
                  "update from non-nil value to nil is forbidden");
  }
}

void ValidateInlineVolume(const PersistentVolumeSpec& spec, const FieldPath& path,
                          Violations& out) {
  constexpr const char* kInline = "in the context of inline volumes";
  const auto forbid = [&](bool set, const char* field) {
    if (set) out.Forbidden(path.Child(field), std::string("may not be specified ") + kInline);
  };
  forbid(spec.claim_ref.has_value(), "claimRef");
  forbid(!spec.capacity.empty(), "capacity");
  if (!spec.csi) out.Required(path.Child("csi"), std::string("has to be specified ") + kInline);
  RequireAccessModes(spec.access_modes, path.Child("accessModes"), out);
  const std::string& policy = spec.persistent_volume_reclaim_policy;
  if (!policy.empty() && policy != "Retain") {
    out.Forbidden(path.Child("persistentVolumeReclaimPolicy"),
                  std::string("may only be Retain ") + kInline);
  }
  forbid(spec.node_affinity.has_value(), "nodeAffinity");
  ValidateSources(spec, "", path, out);
  forbid(!spec.storage_class_name.empty(), "storageClassName");
  if (spec.volume_mode && *spec.volume_mode != "Filesystem") {
    out.Forbidden(path.Child("volumeMode"),
                  std::string("may not specify volumeMode other than Filesystem ") + kInline);
  }
}

}  // namespace skiff
