// The volumes of a pod: one source each, and unique names.
#include <set>

#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/core/persistent_volume_claim_spec.h"
#include "api/rules/pods/pod_spec_validation.h"
#include "api/rules/pods/volume_sources.h"

namespace skiff {
namespace {

using namespace core_v1;

void ValidateEmptyDir(const EmptyDirVolumeSource& source, const FieldPath& path, Violations& out) {
  if (source.size_limit && *source.size_limit < Quantity()) {
    out.Forbidden(path.Child("sizeLimit"), "SizeLimit field must be a valid resource quantity");
  }
}

void ValidateSecretVolume(const SecretVolumeSource& source, const FieldPath& path,
                          Violations& out) {
  Require(source.secret_name, path.Child("secretName"), out);
  if (source.default_mode) CheckFileMode(*source.default_mode, path.Child("defaultMode"), out);
  ValidateKeysToPaths(source.items, path.Child("items"), out);
}

void ValidateConfigMapVolume(const ConfigMapVolumeSource& source, const FieldPath& path,
                             Violations& out) {
  Require(source.name, path.Child("name"), out);
  if (source.default_mode) CheckFileMode(*source.default_mode, path.Child("defaultMode"), out);
  ValidateKeysToPaths(source.items, path.Child("items"), out);
}

void ValidateDownwardApiVolume(const DownwardAPIVolumeSource& source, const FieldPath& path,
                               Violations& out) {
  if (source.default_mode) CheckFileMode(*source.default_mode, path.Child("defaultMode"), out);
  for (const auto& file : source.items) ValidateDownwardApiFile(file, path, out);
}

void ValidateCsiVolume(const CSIVolumeSource& source, const FieldPath& path, Violations& out) {
  ValidateCsiDriverName(source.driver, path.Child("driver"), out);
  if (!source.node_publish_secret_ref) return;
  RequireFormat(Dns1123SubdomainErrors, source.node_publish_secret_ref->name,
                source.node_publish_secret_ref->name.empty()
                    ? path.Child("nodePublishSecretRef").Child("name")
                    : path.Child("name"),
                out);
}

void ValidateEphemeral(const Volume& volume, const PodSpecContext& context, const FieldPath& path,
                       Violations& out) {
  const FieldPath at = path.Child("ephemeral").Child("volumeClaimTemplate");
  const auto& claim = volume.ephemeral->volume_claim_template;
  if (!claim) return out.Required(at);
  ValidateTemplateMetadata(claim->metadata, at.Child("metadata"), out);
  ValidatePersistentVolumeClaimSpec(claim->spec, at.Child("spec"), out);
  if (context.pod_name.empty() || volume.name.empty()) return;
  const std::string name = std::string(context.pod_name) + "-" + volume.name;
  for (const std::string& message : Dns1123SubdomainErrors(name)) {
    out.Invalid(path.Child("name"), volume.name, "PVC name \"" + name + "\": " + message);
  }
}

void ValidateImage(const ImageVolumeSource& source, bool is_template, const FieldPath& path,
                   Violations& out) {
  if (!is_template) Require(source.reference, path.Child("reference"), out);
  RequireOneOf(source.pull_policy, {"Always", "IfNotPresent", "Never"}, path.Child("pullPolicy"),
               out);
}

// In the order in which Kubernetes looks at the sources; only the first counts.
void ValidateSource(const Volume& volume, const PodSpecContext& context, const FieldPath& path,
                    Violations& out) {
  int count = 0;
  const auto check = [&](const auto& source, const char* field, auto validate,
                         const char* own_field = nullptr) {
    if (!source) return;
    if (++count > 1) {
      return out.Forbidden(path.Child(field), "may not specify more than 1 volume type");
    }
    validate(*source, path.Child(own_field ? own_field : field), out);
  };
  check(volume.empty_dir, "emptyDir", ValidateEmptyDir);
  check(volume.host_path, "hostPath", ValidateHostPath);
  check(volume.git_repo, "gitRepo", ValidateGitRepo);
  check(volume.gce_persistent_disk, "gcePersistentDisk", ValidateGceDisk, "persistentDisk");
  check(volume.aws_elastic_block_store, "awsElasticBlockStore", ValidateAwsVolume);
  check(volume.secret, "secret", ValidateSecretVolume);
  check(volume.nfs, "nfs", ValidateNfs);
  check(volume.iscsi, "iscsi", [&](const auto& source, const FieldPath& at, Violations& errors) {
    ValidateIscsi(source, volume.name, path, at, errors);
  });
  check(volume.glusterfs, "glusterfs", ValidateGlusterfs);
  check(volume.flocker, "flocker", ValidateFlocker);
  check(volume.persistent_volume_claim, "persistentVolumeClaim",
        [](const auto& source, const FieldPath& at, Violations& errors) {
          Require(source.claim_name, at.Child("claimName"), errors);
        });
  check(volume.rbd, "rbd", ValidateRbd);
  check(volume.cinder, "cinder", ValidateCinder);
  check(volume.cephfs, "cephFS", ValidateCephfs, "cephfs");
  check(volume.quobyte, "quobyte", ValidateQuobyte);
  check(volume.downward_api, "downwarAPI", ValidateDownwardApiVolume, "downwardAPI");
  check(volume.fc, "fc", ValidateFc);
  check(volume.flex_volume, "flexVolume", ValidateFlexVolume);
  check(volume.config_map, "configMap", ValidateConfigMapVolume);
  check(volume.azure_file, "azureFile", ValidateAzureFile);
  check(volume.vsphere_volume, "vsphereVolume", ValidateVsphere);
  check(volume.photon_persistent_disk, "photonPersistentDisk", ValidatePhoton);
  check(volume.portworx_volume, "portworxVolume", ValidatePortworx);
  check(volume.azure_disk, "azureDisk", ValidateAzureDisk);
  check(volume.storageos, "storageos", ValidateStorageos);
  check(volume.projected, "projected", ValidateProjectedVolume);
  check(volume.scale_io, "scaleIO", ValidateScaleIo);
  check(volume.csi, "csi", ValidateCsiVolume);
  check(volume.ephemeral, "ephemeral", [&](const auto&, const FieldPath&, Violations& errors) {
    ValidateEphemeral(volume, context, path, errors);
  });
  check(volume.image, "image", [&](const auto& source, const FieldPath& at, Violations& errors) {
    ValidateImage(source, context.is_template, at, errors);
  });
  if (count == 0) out.Required(path, "must specify a volume type");
}

// Claims that this pod's ephemeral volumes will have made.
std::set<std::string> OwnClaims(const PodSpecContext& context) {
  std::set<std::string> claims;
  if (context.pod_name.empty()) return claims;
  for (const auto& volume : context.spec.volumes) {
    if (volume.ephemeral) claims.insert(std::string(context.pod_name) + "-" + volume.name);
  }
  return claims;
}

}  // namespace

void ValidateKeyToPath(const KeyToPath& item, const FieldPath& path, Violations& out) {
  Require(item.key, path.Child("key"), out);
  Require(item.path, path.Child("path"), out);
  CheckLocalPath(item.path, path.Child("path"), out);
  if (item.mode) CheckFileMode(*item.mode, path.Child("mode"), out);
}

void ValidateKeysToPaths(const std::vector<KeyToPath>& items, const FieldPath& path,
                         Violations& out) {
  for (size_t i = 0; i < items.size(); ++i) ValidateKeyToPath(items[i], path.Index(i), out);
}

void ValidateDownwardApiFile(const DownwardAPIVolumeFile& file, const FieldPath& path,
                             Violations& out) {
  Require(file.path, path.Child("path"), out);
  CheckLocalPath(file.path, path.Child("path"), out);
  if (file.field_ref) {
    ValidateFieldRef(*file.field_ref, true, path.Child("fieldRef"), out);
    if (file.resource_field_ref) {
      out.Invalid(path, "resource",
                  "fieldRef and resourceFieldRef can not be specified simultaneously");
    }
  } else if (file.resource_field_ref) {
    ValidateResourceFieldRef(*file.resource_field_ref, true, path.Child("resourceFieldRef"), out);
  } else {
    out.Required(path, "one of fieldRef and resourceFieldRef is required");
  }
  if (file.mode) CheckFileMode(*file.mode, path.Child("mode"), out);
}

void ValidateVolumes(PodSpecContext& context, const FieldPath& path, Violations& out) {
  const std::set<std::string> own_claims = OwnClaims(context);
  for (size_t i = 0; i < context.spec.volumes.size(); ++i) {
    const Volume& volume = context.spec.volumes[i];
    const FieldPath at = path.Index(i);
    Violations errors;
    ValidateSource(volume, context, at, errors);
    RequireFormat(Dns1123LabelErrors, volume.name, at.Child("name"), errors);
    if (context.volumes.contains(volume.name)) errors.Duplicate(at.Child("name"), volume.name);
    if (errors.empty()) context.volumes.emplace(volume.name, &volume);
    out.Append(errors);
    const auto& claim = volume.persistent_volume_claim;
    if (claim && own_claims.contains(claim->claim_name)) {
      out.Invalid(at.Child("persistentVolumeClaim").Child("claimName"), claim->claim_name,
                  "must not reference a PVC that gets created for an ephemeral volume");
    }
  }
}

}  // namespace skiff
