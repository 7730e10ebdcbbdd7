#include "api/pods/migrated_volumes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <vector>

#include "api/pods/migrated_topology.h"
#include "base/text.h"

namespace skiff {
namespace {

using core_v1::CSIPersistentVolumeSource;
using core_v1::PersistentVolume;
using core_v1::PersistentVolumeSpec;

constexpr std::string_view kEbs = "ebs.csi.aws.com";
constexpr std::string_view kAzureDisk = "disk.csi.azure.com";
constexpr std::string_view kAzureFile = "file.csi.azure.com";
constexpr std::string_view kCinder = "cinder.csi.openstack.org";
constexpr std::string_view kGcePd = "pd.csi.storage.gke.io";
constexpr std::string_view kPortworx = "pxd.portworx.com";
constexpr std::string_view kVsphere = "csi.vsphere.vmware.com";

constexpr std::array<MigratedPlugin, 7> kPlugins = {{
    {"kubernetes.io/aws-ebs", kEbs},
    {"kubernetes.io/azure-disk", kAzureDisk},
    {"kubernetes.io/azure-file", kAzureFile},
    {"kubernetes.io/cinder", kCinder},
    {"kubernetes.io/gce-pd", kGcePd},
    {"kubernetes.io/portworx-volume", kPortworx},
    {"kubernetes.io/vsphere-volume", kVsphere},
}};

// Where the source is that a volume, of either sort, has of a plugin: they have the same fields.
template <typename Sources>
std::string_view PluginOf(const Sources& sources) {
  if (sources.aws_elastic_block_store) return kPlugins[0].name;
  if (sources.azure_disk) return kPlugins[1].name;
  if (sources.azure_file) return kPlugins[2].name;
  if (sources.cinder) return kPlugins[3].name;
  if (sources.gce_persistent_disk) return kPlugins[4].name;
  if (sources.portworx_volume) return kPlugins[5].name;
  if (sources.vsphere_volume) return kPlugins[6].name;
  return "";
}

CSIPersistentVolumeSource CsiSource(std::string_view driver, const std::string& handle) {
  CSIPersistentVolumeSource csi;
  csi.driver = driver;
  csi.volume_handle = handle;
  return csi;
}

std::string TopologyKey(std::string_view driver) {
  return fmt::format("topology.{}/zone", driver);
}

// Of "aws://ZONE/vol-1", "aws:///vol-1" or "vol-1".
Result<std::string> EbsHandle(const std::string& id) {
  constexpr std::string_view kScheme = "aws://";
  if (!id.starts_with(kScheme)) return id;
  std::string_view path = std::string_view(id).substr(kScheme.size());
  path = path.substr(0, path.find_first_of("?#"));
  path.remove_prefix(std::min(path.find('/'), path.size()));
  path = WithoutBlanks(path, "/");
  if (!path.starts_with("vol-") || path.find('/') != path.npos) {
    return Fail(Reason::kInvalid,
                fmt::format("failed to translate Kubernetes ID to EBS Volume ID Invalid format for "
                            "AWS volume ({})",
                            id));
  }
  return std::string(path);
}

Result<CSIPersistentVolumeSource> OfEbs(const core_v1::AWSElasticBlockStoreVolumeSource& source) {
  auto csi = CsiSource(kEbs, TRY(EbsHandle(source.volume_id)));
  csi.read_only = source.read_only;
  csi.fs_type = source.fs_type;
  csi.volume_attributes["partition"] = std::to_string(source.partition);
  return csi;
}

Result<CSIPersistentVolumeSource> OfAzureDisk(const core_v1::AzureDiskVolumeSource& source) {
  if (source.kind && Lower(*source.kind) != "managed") {
    return Fail(Reason::kInvalid,
                fmt::format("kind({}) is not supported in csi migration", *source.kind));
  }
  auto csi = CsiSource(kAzureDisk, source.disk_uri);
  csi.read_only = source.read_only.value_or(false);
  csi.fs_type = source.fs_type.value_or("");
  csi.volume_attributes["kind"] = "Managed";
  if (source.caching_mode) csi.volume_attributes["cachingmode"] = *source.caching_mode;
  if (source.fs_type) csi.volume_attributes["fstype"] = *source.fs_type;
  return csi;
}

// Secrets of storage accounts have their name between these.
std::string AccountOf(const std::string& secret) {
  constexpr std::string_view kBefore = "azure-storage-account-";
  const size_t begin = secret.find(kBefore);
  const size_t end = secret.rfind("-secret");
  if (begin == secret.npos || end == secret.npos || end <= begin + kBefore.size()) return secret;
  return secret.substr(begin + kBefore.size(), end - begin - kBefore.size());
}

struct AzureShare {
  std::string resource_group;
  std::string secret;
  std::string share;
  std::string volume;      // Its name.
  std::string namespace_;  // Of the Secret.
  bool is_read_only = false;
};
CSIPersistentVolumeSource OfAzureFile(const AzureShare& it) {
  auto csi =
      CsiSource(kAzureFile, fmt::format("{}#{}#{}#{}#{}", it.resource_group, AccountOf(it.secret),
                                        it.share, it.volume, it.namespace_));
  csi.read_only = it.is_read_only;
  csi.volume_attributes["sharename"] = it.share;
  auto& secret = csi.node_stage_secret_ref.emplace();
  secret.name = it.secret;
  secret.namespace_ = it.namespace_;
  return csi;
}

// Of both kinds, in pods and in volumes.
template <typename Source>
CSIPersistentVolumeSource OfCinder(const Source& source) {
  auto csi = CsiSource(kCinder, source.volume_id);
  csi.read_only = source.read_only;
  csi.fs_type = source.fs_type;
  return csi;
}

// Which project it is of is not known, and the driver finds out.
constexpr std::string_view kUnspecified = "UNSPECIFIED";

CSIPersistentVolumeSource OfGcePd(const core_v1::GCEPersistentDiskVolumeSource& source,
                                  std::string_view kind, std::string_view place) {
  auto csi = CsiSource(
      kGcePd, fmt::format("projects/{}/{}/{}/disks/{}", kUnspecified, kind, place, source.pd_name));
  csi.read_only = source.read_only;
  csi.fs_type = source.fs_type;
  csi.volume_attributes["partition"] =
      source.partition == 0 ? "" : std::to_string(source.partition);
  return csi;
}

Result<std::string> GceRegionOf(const std::vector<std::string>& zones) {
  std::set<std::string> regions;
  for (const std::string& zone : zones) {
    const size_t last = zone.rfind('-');
    if (std::count(zone.begin(), zone.end(), '-') != 2) {
      return Fail(Reason::kInvalid,
                  "failed to get region from zones: zone in unexpected format, expected: "
                  "{locale}-{region}-{zone}, got: " +
                      zone);
    }
    regions.insert(zone.substr(0, last));
  }
  if (regions.size() == 1) return *regions.begin();
  std::string all;
  for (const auto& region : regions) all += (all.empty() ? "" : " ") + region + ":{}";
  return Fail(Reason::kInvalid,
              fmt::format("failed to get region from zones: multiple or no regions gotten from "
                          "zones, got: map[{}]",
                          all));
}

// A disk of several zones belongs to their region.
Result<CSIPersistentVolumeSource> OfGcePd(const PersistentVolume& volume) {
  const auto& source = *volume.spec.gce_persistent_disk;
  std::string label;
  for (const char* name :
       {"failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"}) {
    const auto found = volume.metadata.labels.find(name);
    if (label.empty() && found != volume.metadata.labels.end()) label = found->second;
  }
  if (label.empty()) return OfGcePd(source, "zones", kUnspecified);
  const auto zones = PlacesOfLabel(label);
  if (zones.size() == 1) return OfGcePd(source, "zones", zones.front());
  return OfGcePd(source, "regions", TRY(GceRegionOf(zones)));
}

// The plugin took any modes and held to one writer; the driver refuses what it cannot hold to.
std::vector<std::string> GceModes(const std::vector<std::string>& modes) {
  if (modes.empty()) return {};
  const bool reads_only = std::all_of(modes.begin(), modes.end(),
                                      [](const auto& mode) { return mode == "ReadOnlyMany"; });
  return {reads_only ? "ReadOnlyMany" : "ReadWriteOnce"};
}

CSIPersistentVolumeSource OfPortworx(const core_v1::PortworxVolumeSource& source) {
  auto csi = CsiSource(kPortworx, source.volume_id);
  csi.fs_type = source.fs_type;
  return csi;
}

void AddPortworxSecrets(const PersistentVolume& volume, CSIPersistentVolumeSource& csi) {
  const auto& annotations = volume.metadata.annotations;
  const auto name = annotations.find("openstorage.io/auth-secret-name");
  const auto namespace_ = annotations.find("openstorage.io/auth-secret-namespace");
  if (name == annotations.end() || namespace_ == annotations.end()) return;
  core_v1::SecretReference secret;
  secret.name = name->second;
  secret.namespace_ = namespace_->second;
  csi.controller_publish_secret_ref = secret;
  csi.node_stage_secret_ref = secret;
  csi.node_publish_secret_ref = secret;
  csi.controller_expand_secret_ref = secret;
  csi.node_expand_secret_ref = secret;
}

CSIPersistentVolumeSource OfVsphere(const core_v1::VsphereVirtualDiskVolumeSource& source) {
  auto csi = CsiSource(kVsphere, source.volume_path);
  csi.fs_type = source.fs_type;
  if (!source.storage_policy_name.empty()) {
    csi.volume_attributes["storagepolicyname"] = source.storage_policy_name;
  }
  return csi;
}

Result<CSIPersistentVolumeSource> OfAzureFile(const PersistentVolume& volume) {
  const auto& source = *volume.spec.azure_file;
  const auto& claim = volume.spec.claim_ref;
  const std::string namespace_ =
      source.secret_namespace.value_or(claim ? claim->namespace_ : std::string());
  if (namespace_.empty()) {
    return Fail(Reason::kInvalid,
                "could not find a secret namespace in PersistentVolumeSource or ClaimRef");
  }
  const auto group = volume.metadata.annotations.find("kubernetes.io/azure-file-resource-group");
  return OfAzureFile(
      {.resource_group = group == volume.metadata.annotations.end() ? "" : group->second,
       .secret = source.secret_name,
       .share = source.share_name,
       .volume = volume.metadata.name,
       .namespace_ = namespace_,
       .is_read_only = source.read_only});
}

// A volume of the kinds that have nothing to say of where they can be reached.
Result<CSIPersistentVolumeSource> CsiSourceOf(const PersistentVolume& volume) {
  const PersistentVolumeSpec& spec = volume.spec;
  if (spec.aws_elastic_block_store) return OfEbs(*spec.aws_elastic_block_store);
  if (spec.azure_disk) return OfAzureDisk(*spec.azure_disk);
  if (spec.azure_file) return OfAzureFile(volume);
  if (spec.cinder) return OfCinder(*spec.cinder);
  if (spec.gce_persistent_disk) return OfGcePd(volume);
  if (spec.vsphere_volume) return OfVsphere(*spec.vsphere_volume);
  auto csi = OfPortworx(*spec.portworx_volume);
  AddPortworxSecrets(volume, csi);
  return csi;
}

void TranslatePlaces(PersistentVolume& volume) {
  const PersistentVolumeSpec& spec = volume.spec;
  if (spec.vsphere_volume) {
    TranslateZoneAndRegion(volume, "topology.csi.vmware.com/zone",
                           "topology.csi.vmware.com/region");
  } else if (spec.aws_elastic_block_store) {
    TranslateZones(volume, TopologyKey(kEbs));
  } else if (spec.cinder) {
    TranslateZones(volume, TopologyKey(kCinder));
  } else if (spec.gce_persistent_disk) {
    TranslateZones(volume, "topology.gke.io/zone");
  }
}

void ForgetFormerSource(PersistentVolumeSpec& spec) {
  spec.aws_elastic_block_store.reset();
  spec.azure_disk.reset();
  spec.azure_file.reset();
  spec.cinder.reset();
  spec.gce_persistent_disk.reset();
  spec.portworx_volume.reset();
  spec.vsphere_volume.reset();
}

struct InlineVolume {
  CSIPersistentVolumeSource csi;
  std::string name;  // "": of the driver and the handle.
  std::string mode = "ReadWriteOnce";
};

Result<InlineVolume> OfInline(const core_v1::Volume& volume, const std::string& pod_namespace) {
  if (const auto& ebs = volume.aws_elastic_block_store) {
    auto csi = TRY(OfEbs(*ebs));
    return InlineVolume{std::move(csi), ""};
  }
  if (const auto& disk = volume.azure_disk) {
    auto csi = TRY(OfAzureDisk(*disk));
    // Of a pod's own, a mode that is empty says nothing.
    if (disk->caching_mode == "") csi.volume_attributes.erase("cachingmode");
    return InlineVolume{std::move(csi), disk->disk_uri};
  }
  if (const auto& file = volume.azure_file) {
    auto csi = OfAzureFile({.resource_group = "",
                            .secret = file->secret_name,
                            .share = file->share_name,
                            .volume = volume.name,
                            .namespace_ = pod_namespace.empty() ? "default" : pod_namespace,
                            .is_read_only = file->read_only});
    const std::string name = csi.volume_handle;
    return InlineVolume{std::move(csi), name, "ReadWriteMany"};
  }
  if (const auto& cinder = volume.cinder) return InlineVolume{OfCinder(*cinder), ""};
  if (const auto& disk = volume.gce_persistent_disk) {
    return InlineVolume{OfGcePd(*disk, "zones", kUnspecified),
                        fmt::format("{}-{}", kGcePd, disk->pd_name),
                        disk->read_only ? "ReadOnlyMany" : "ReadWriteOnce"};
  }
  if (const auto& portworx = volume.portworx_volume) {
    return InlineVolume{OfPortworx(*portworx), "",
                        portworx->read_only ? "ReadOnlyMany" : "ReadWriteOnce"};
  }
  if (const auto& vsphere = volume.vsphere_volume) return InlineVolume{OfVsphere(*vsphere), ""};
  return Fail(Reason::kInvalid, fmt::format("could not find in-tree plugin translation logic for "
                                            "\"{}\"",
                                            volume.name));
}

}  // namespace

std::span<const MigratedPlugin> MigratedPlugins() {
  return kPlugins;
}

std::string_view DriverInPlaceOf(std::string_view plugin) {
  for (const MigratedPlugin& each : kPlugins) {
    if (each.name == plugin) return each.driver;
  }
  return "";
}

std::string_view MigratedPluginOf(const PersistentVolume& volume) {
  return PluginOf(volume.spec);
}

std::string_view MigratedPluginOf(const core_v1::Volume& volume) {
  return PluginOf(volume);
}

Result<PersistentVolume> AsCsi(const PersistentVolume& volume) {
  if (MigratedPluginOf(volume).empty()) return volume;
  auto csi = TRY(CsiSourceOf(volume));
  PersistentVolume translated = volume;
  TranslatePlaces(translated);
  if (volume.spec.gce_persistent_disk) {
    translated.spec.access_modes = GceModes(volume.spec.access_modes);
  }
  ForgetFormerSource(translated.spec);
  translated.spec.csi = std::move(csi);
  return translated;
}

Result<PersistentVolume> AsCsi(const core_v1::Volume& volume, const std::string& pod_namespace) {
  InlineVolume found = TRY(OfInline(volume, pod_namespace));
  PersistentVolume translated;
  translated.metadata.name = found.name.empty()
                                 ? fmt::format("{}-{}", found.csi.driver, found.csi.volume_handle)
                                 : found.name;
  translated.spec.access_modes = {found.mode};
  translated.spec.volume_mode = "Filesystem";
  translated.spec.csi = std::move(found.csi);
  return translated;
}

}  // namespace skiff
