#include "api/rules/pods/volume_sources.h"

#include <re2/re2.h>

#include <algorithm>

#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "base/text.h"

namespace skiff {

using namespace core_v1;

namespace {

void ValidatePartition(int32_t partition, const FieldPath& path, Violations& out) {
  if (partition < 0 || partition > 255) {
    out.Invalid(path.Child("partition"), partition, RangeMessage(1, 255));
  }
}

// "host:port" or "[host]:port"; either part may be empty.
bool IsHostPort(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  std::string_view host = text.substr(0, colon);
  constexpr std::string_view kBrackets = "[]";
  if (host.starts_with('[')) {
    if (host.size() < 2 || !host.ends_with(']')) return false;
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return false;
  }
  return host.find_first_of(kBrackets) == std::string_view::npos &&
         text.substr(colon + 1).find_first_of(kBrackets) == std::string_view::npos;
}

}  // namespace

void ValidateHostPath(const HostPathVolumeSource& source, const FieldPath& path, Violations& out) {
  if (source.path.empty()) return out.Required(path.Child("path"));
  CheckNoBacksteps(source.path, path.Child("path"), out);
  if (!source.type) return;
  CheckOneOf(*source.type,
             {"", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File",
              "FileOrCreate", "Socket"},
             path.Child("type"), out);
}

void ValidateGitRepo(const GitRepoVolumeSource& source, const FieldPath& path, Violations& out) {
  Require(source.repository, path.Child("repository"), out);
  CheckRelativePath(source.directory, path.Child("directory"), out);
}

void ValidateGceDisk(const GCEPersistentDiskVolumeSource& source, const FieldPath& path,
                     Violations& out) {
  Require(source.pd_name, path.Child("pdName"), out);
  ValidatePartition(source.partition, path, out);
}

void ValidateAwsVolume(const AWSElasticBlockStoreVolumeSource& source, const FieldPath& path,
                       Violations& out) {
  Require(source.volume_id, path.Child("volumeID"), out);
  ValidatePartition(source.partition, path, out);
}

void ValidateNfs(const NFSVolumeSource& source, const FieldPath& path, Violations& out) {
  Require(source.server, path.Child("server"), out);
  Require(source.path, path.Child("path"), out);
  if (!source.path.starts_with('/')) {
    out.Invalid(path.Child("path"), source.path, "must be an absolute path");
  }
}

bool IsIscsiName(const std::string& name) {
  static const RE2 kIqn(R"(iqn\.\d{4}-\d{2}\.([[:alnum:]\-.]+)(:[^,;*&$|\s]+)$)");
  static const RE2 kEui(R"(^eui.[[:alnum:]]{16}$)");
  static const RE2 kNaa(R"(^naa.[[:alnum:]]{32}$)");
  if (name.starts_with("iqn")) return RE2::PartialMatch(name, kIqn);
  if (name.starts_with("eui")) return RE2::PartialMatch(name, kEui);
  return name.starts_with("naa") && RE2::PartialMatch(name, kNaa);
}

void ValidateIscsiName(const std::string& name, const FieldPath& path, Violations& out) {
  if (!IsOneOf(std::string_view(name).substr(0, 3), {"iqn", "eui", "naa"})) {
    out.Invalid(path, name, "must be valid format starting with iqn, eui, or naa");
  } else if (!IsIscsiName(name)) {
    out.Invalid(path, name, "must be valid format");
  }
}

void ValidateIscsi(const ISCSIVolumeSource& source, const std::string& volume_name,
                   const FieldPath& volume_path, const FieldPath& path, Violations& out) {
  constexpr size_t kNameBytesMax = 64;
  Require(source.target_portal, path.Child("targetPortal"), out);
  if (source.iqn.empty()) {
    out.Required(path.Child("iqn"));
  } else {
    ValidateIscsiName(source.iqn, path.Child("iqn"), out);
  }
  CheckRange(source.lun, 0, 255, path.Child("lun"), out);
  if ((source.chap_auth_discovery || source.chap_auth_session) && !source.secret_ref) {
    out.Required(path.Child("secretRef"));
  }
  if (!source.initiator_name) return;
  if (volume_name.size() + 1 + source.target_portal.size() > kNameBytesMax) {
    out.Invalid(volume_path.Child("name"), volume_name,
                "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if "
                "iscsi.initiatorName is specified.");
  }
  ValidateIscsiName(*source.initiator_name, path.Child("initiatorname"), out);
}

void ValidateGlusterfs(const GlusterfsVolumeSource& source, const FieldPath& path,
                       Violations& out) {
  Require(source.endpoints, path.Child("endpoints"), out);
  Require(source.path, path.Child("path"), out);
}

void ValidateFlocker(const FlockerVolumeSource& source, const FieldPath& path, Violations& out) {
  if (source.dataset_name.empty() && source.dataset_uuid.empty()) {
    out.Required(path, "one of datasetName and datasetUUID is required");
  }
  if (!source.dataset_name.empty() && !source.dataset_uuid.empty()) {
    out.Invalid(path, "resource",
                "datasetName and datasetUUID can not be specified simultaneously");
  }
  if (source.dataset_name.find('/') != std::string::npos) {
    out.Invalid(path.Child("datasetName"), source.dataset_name, "must not contain '/'");
  }
}

void ValidateRbd(const RBDVolumeSource& source, const FieldPath& path, Violations& out) {
  if (source.monitors.empty()) out.Required(path.Child("monitors"));
  Require(source.image, path.Child("image"), out);
}

void ValidateCinder(const CinderVolumeSource& source, const FieldPath& path, Violations& out) {
  Require(source.volume_id, path.Child("volumeID"), out);
  if (source.secret_ref) {
    Require(source.secret_ref->name, path.Child("secretRef").Child("name"), out);
  }
}

void ValidateCephfs(const CephFSVolumeSource& source, const FieldPath& path, Violations& out) {
  if (source.monitors.empty()) out.Required(path.Child("monitors"));
}

void ValidateQuobyte(const QuobyteVolumeSource& source, const FieldPath& path, Violations& out) {
  constexpr const char* kRegistry =
      "must be a host:port pair or multiple pairs separated by commas";
  if (source.registry.empty()) {
    out.Required(path.Child("registry"), kRegistry);
  } else if (source.tenant.size() >= 65) {
    out.Required(path.Child("tenant"),
                 "must be a UUID and may not exceed a length of 64 characters");
  } else {
    for (size_t begin = 0; begin <= source.registry.size();) {
      const size_t end = std::min(source.registry.find(',', begin), source.registry.size());
      const std::string pair = source.registry.substr(begin, end - begin);
      if (!IsHostPort(pair)) out.Invalid(path.Child("registry"), source.registry, kRegistry);
      begin = end + 1;
    }
  }
  Require(source.volume, path.Child("volume"), out);
}

void ValidateFc(const FCVolumeSource& source, const FieldPath& path, Violations& out) {
  if (source.target_wwns.empty() && source.wwids.empty()) {
    out.Required(path.Child("targetWWNs"), "must specify either targetWWNs or wwids, but not both");
  }
  if (!source.target_wwns.empty() && !source.wwids.empty()) {
    out.Invalid(path.Child("targetWWNs"), source.target_wwns,
                "targetWWNs and wwids can not be specified simultaneously");
  }
  if (source.target_wwns.empty()) return;
  if (!source.lun) {
    out.Required(path.Child("lun"), "lun is required if targetWWNs is specified");
  } else {
    CheckRange(*source.lun, 0, 255, path.Child("lun"), out);
  }
}

void ValidateFlexVolume(const FlexVolumeSource& source, const FieldPath& path, Violations& out) {
  Require(source.driver, path.Child("driver"), out);
  for (const auto& [key, value] : source.options) {
    const std::string domain = "." + Lower(key.substr(0, key.find('/')));
    if (domain.ends_with(".kubernetes.io") || domain.ends_with(".k8s.io")) {
      out.Invalid(path.Child("options").Key(key), key,
                  "kubernetes.io and k8s.io namespaces are reserved");
    }
  }
}

void ValidateAzureFile(const AzureFileVolumeSource& source, const FieldPath& path,
                       Violations& out) {
  Require(source.secret_name, path.Child("secretName"), out);
  Require(source.share_name, path.Child("shareName"), out);
}

void ValidateVsphere(const VsphereVirtualDiskVolumeSource& source, const FieldPath& path,
                     Violations& out) {
  Require(source.volume_path, path.Child("volumePath"), out);
}

void ValidatePhoton(const PhotonPersistentDiskVolumeSource& source, const FieldPath& path,
                    Violations& out) {
  Require(source.pd_id, path.Child("pdID"), out);
}

void ValidatePortworx(const PortworxVolumeSource& source, const FieldPath& path, Violations& out) {
  Require(source.volume_id, path.Child("volumeID"), out);
}

void ValidateAzureDisk(const AzureDiskVolumeSource& source, const FieldPath& path,
                       Violations& out) {
  Require(source.disk_name, path.Child("diskName"), out);
  Require(source.disk_uri, path.Child("diskURI"), out);
  if (source.caching_mode) {
    CheckOneOf(*source.caching_mode, {"None", "ReadOnly", "ReadWrite"}, path.Child("cachingMode"),
               out);
  }
  if (!source.kind) return;
  CheckOneOf(*source.kind, {"Dedicated", "Managed", "Shared"}, path.Child("kind"), out);
  const bool managed = *source.kind == "Managed";
  if (managed && !source.disk_uri.starts_with("/subscriptions/")) {
    out.NotSupported(path.Child("diskURI"), source.disk_uri,
                     {"/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/"
                      "microsoft.compute/disks/{disk-id}"});
  }
  if (!managed && !source.disk_uri.starts_with("https://")) {
    out.NotSupported(
        path.Child("diskURI"), source.disk_uri,
        {"https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"});
  }
}

void ValidateStorageos(const StorageOSVolumeSource& source, const FieldPath& path,
                       Violations& out) {
  RequireFormat(Dns1123LabelErrors, source.volume_name, path.Child("volumeName"), out);
  if (!source.volume_namespace.empty()) {
    CheckFormat(Dns1123LabelErrors, source.volume_namespace, path.Child("volumeNamespace"), out);
  }
  if (source.secret_ref) {
    Require(source.secret_ref->name, path.Child("secretRef").Child("name"), out);
  }
}

void ValidateScaleIo(const ScaleIOVolumeSource& source, const FieldPath& path, Violations& out) {
  Require(source.gateway, path.Child("gateway"), out);
  Require(source.system, path.Child("system"), out);
  Require(source.volume_name, path.Child("volumeName"), out);
}

}  // namespace skiff
