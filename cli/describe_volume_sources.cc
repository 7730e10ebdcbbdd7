// Sources of volumes that are described by their fields alone: what stands in front of each, in
// kubectl's order. Those that need more than that are in describe_volume.cc.
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "api/text/go_value.h"
#include "cli/describe_pod.h"
#include "cli/json_text.h"

namespace skiff::cli {
namespace {

enum class FieldForm : uint8_t {
  kText,
  kNumber,
  kTruth,
  kTexts,   // [a b]
  kJoined,  // a, b
  kPairs,   // map[a:1]
  kSecret,  // As Go prints what points at one.
  kOrNone,  // <none>
  kOrUnset,
  kSecretName,
  kSecretNamespace
};

// Where a field is shown: of volumes of pods, of PersistentVolumes.
enum class ShownOf : uint8_t { kBoth, kVolume };

struct FieldPart {
  const char* label;
  const char* field;
  FieldForm form = FieldForm::kText;
  ShownOf of = ShownOf::kBoth;
};

struct SourceShape {
  const char* name;
  const char* type;
  std::span<const FieldPart> parts;
};

constexpr FieldPart kGcePersistentDiskParts[] = {{"PDName:", "pdName"},
                                                 {"FSType:", "fsType"},
                                                 {"Partition:", "partition", FieldForm::kNumber},
                                                 {"ReadOnly:", "readOnly", FieldForm::kTruth}};
constexpr FieldPart kAwsElasticBlockStoreParts[] = {{"VolumeID:", "volumeID"},
                                                    {"FSType:", "fsType"},
                                                    {"Partition:", "partition", FieldForm::kNumber},
                                                    {"ReadOnly:", "readOnly", FieldForm::kTruth}};
constexpr FieldPart kGitRepoParts[] = {{"Repository:", "repository"}, {"Revision:", "revision"}};
constexpr FieldPart kNfsParts[] = {
    {"Server:", "server"}, {"Path:", "path"}, {"ReadOnly:", "readOnly", FieldForm::kTruth}};
constexpr FieldPart kIscsiParts[] = {{"TargetPortal:", "targetPortal"},
                                     {"IQN:", "iqn"},
                                     {"Lun:", "lun", FieldForm::kNumber},
                                     {"ISCSIInterface", "iscsiInterface"},
                                     {"FSType:", "fsType"},
                                     {"ReadOnly:", "readOnly", FieldForm::kTruth},
                                     {"Portals:", "portals", FieldForm::kTexts},
                                     {"DiscoveryCHAPAuth:", "chapAuthDiscovery", FieldForm::kTruth},
                                     {"SessionCHAPAuth:", "chapAuthSession", FieldForm::kTruth},
                                     {"SecretRef:", "secretRef", FieldForm::kSecret},
                                     {"InitiatorName:", "initiatorName", FieldForm::kOrNone}};
constexpr FieldPart kGlusterfsParts[] = {
    {"EndpointsName:", "endpoints"},
    {"EndpointsNamespace:", "endpointsNamespace", FieldForm::kOrUnset, ShownOf::kVolume},
    {"Path:", "path"},
    {"ReadOnly:", "readOnly", FieldForm::kTruth}};
constexpr FieldPart kRbdParts[] = {{"CephMonitors:", "monitors", FieldForm::kTexts},
                                   {"RBDImage:", "image"},
                                   {"FSType:", "fsType"},
                                   {"RBDPool:", "pool"},
                                   {"RadosUser:", "user"},
                                   {"Keyring:", "keyring"},
                                   {"SecretRef:", "secretRef", FieldForm::kSecret},
                                   {"ReadOnly:", "readOnly", FieldForm::kTruth}};
constexpr FieldPart kQuobyteParts[] = {
    {"Registry:", "registry"}, {"Volume:", "volume"}, {"ReadOnly:", "readOnly", FieldForm::kTruth}};
constexpr FieldPart kAzureDiskParts[] = {{"DiskName:", "diskName"},
                                         {"DiskURI:", "diskURI"},
                                         {"Kind: ", "kind"},
                                         {"FSType:", "fsType"},
                                         {"CachingMode:", "cachingMode"},
                                         {"ReadOnly:", "readOnly", FieldForm::kTruth}};
constexpr FieldPart kVsphereVolumeParts[] = {{"VolumePath:", "volumePath"},
                                             {"FSType:", "fsType"},
                                             {"StoragePolicyName:", "storagePolicyName"}};
constexpr FieldPart kCinderParts[] = {{"VolumeID:", "volumeID"},
                                      {"FSType:", "fsType"},
                                      {"ReadOnly:", "readOnly", FieldForm::kTruth},
                                      {"SecretRef:", "secretRef", FieldForm::kSecret}};
constexpr FieldPart kPhotonPersistentDiskParts[] = {{"PdID:", "pdID"}, {"FSType:", "fsType"}};
constexpr FieldPart kPortworxVolumeParts[] = {{"VolumeID:", "volumeID"}};
constexpr FieldPart kScaleIOParts[] = {
    {"Gateway:", "gateway"},
    {"System:", "system"},
    {"Protection Domain:", "protectionDomain"},
    {"Storage Pool:", "storagePool"},
    {"Storage Mode:", "storageMode"},
    {"VolumeName:", "volumeName"},
    {"SecretName:", "secretRef", FieldForm::kSecretName, ShownOf::kVolume},
    {"SecretNamespace:", "secretRef", FieldForm::kSecretNamespace, ShownOf::kVolume},
    {"FSType:", "fsType"},
    {"ReadOnly:", "readOnly", FieldForm::kTruth}};
constexpr FieldPart kCephfsParts[] = {{"Monitors:", "monitors", FieldForm::kTexts},
                                      {"Path:", "path"},
                                      {"User:", "user"},
                                      {"SecretFile:", "secretFile"},
                                      {"SecretRef:", "secretRef", FieldForm::kSecret},
                                      {"ReadOnly:", "readOnly", FieldForm::kTruth}};
constexpr FieldPart kStorageosParts[] = {{"VolumeName:", "volumeName"},
                                         {"VolumeNamespace:", "volumeNamespace"},
                                         {"FSType:", "fsType"},
                                         {"ReadOnly:", "readOnly", FieldForm::kTruth}};
constexpr FieldPart kFcParts[] = {{"TargetWWNs:", "targetWWNs", FieldForm::kJoined},
                                  {"LUN:", "lun", FieldForm::kOrNone},
                                  {"FSType:", "fsType"},
                                  {"ReadOnly:", "readOnly", FieldForm::kTruth}};
constexpr FieldPart kAzureFileParts[] = {
    {"SecretName:", "secretName"},
    {"SecretNamespace:", "secretNamespace", FieldForm::kText, ShownOf::kVolume},
    {"ShareName:", "shareName"},
    {"ReadOnly:", "readOnly", FieldForm::kTruth}};
constexpr FieldPart kFlexVolumeParts[] = {{"Driver:", "driver"},
                                          {"FSType:", "fsType"},
                                          {"SecretRef:", "secretRef", FieldForm::kSecret},
                                          {"ReadOnly:", "readOnly", FieldForm::kTruth},
                                          {"Options:", "options", FieldForm::kPairs}};
constexpr FieldPart kFlockerParts[] = {{"DatasetName:", "datasetName"},
                                       {"DatasetUUID:", "datasetUUID"}};
constexpr FieldPart kImageParts[] = {{"Reference:", "reference"}, {"PullPolicy:", "pullPolicy"}};

constexpr SourceShape kSourceShapes[] = {
    {"gcePersistentDisk", "GCEPersistentDisk (a Persistent Disk resource in Google Compute Engine)",
     kGcePersistentDiskParts},
    {"awsElasticBlockStore", "AWSElasticBlockStore (a Persistent Disk resource in AWS)",
     kAwsElasticBlockStoreParts},
    {"gitRepo", "GitRepo (a volume that is pulled from git when the pod is created)",
     kGitRepoParts},
    {"nfs", "NFS (an NFS mount that lasts the lifetime of a pod)", kNfsParts},
    {"iscsi",
     "ISCSI (an ISCSI Disk resource that is attached to a kubelet's host machine and then exposed "
     "to the pod)",
     kIscsiParts},
    {"glusterfs", "Glusterfs (a Glusterfs mount on the host that shares a pod's lifetime)",
     kGlusterfsParts},
    {"rbd", "RBD (a Rados Block Device mount on the host that shares a pod's lifetime)", kRbdParts},
    {"quobyte", "Quobyte (a Quobyte mount on the host that shares a pod's lifetime)",
     kQuobyteParts},
    {"azureDisk", "AzureDisk (an Azure Data Disk mount on the host and bind mount to the pod)",
     kAzureDiskParts},
    {"vsphereVolume", "vSphereVolume (a Persistent Disk resource in vSphere)", kVsphereVolumeParts},
    {"cinder", "Cinder (a Persistent Disk resource in OpenStack)", kCinderParts},
    {"photonPersistentDisk", "PhotonPersistentDisk (a Persistent Disk resource in photon platform)",
     kPhotonPersistentDiskParts},
    {"portworxVolume", "PortworxVolume (a Portworx Volume resource)", kPortworxVolumeParts},
    {"scaleIO", "ScaleIO (a persistent volume backed by a block device in ScaleIO)", kScaleIOParts},
    {"cephfs", "CephFS (a CephFS mount on the host that shares a pod's lifetime)", kCephfsParts},
    {"storageos", "StorageOS (a StorageOS Persistent Disk resource)", kStorageosParts},
    {"fc", "FC (a Fibre Channel disk)", kFcParts},
    {"azureFile", "AzureFile (an Azure File Service mount on the host and bind mount to the pod)",
     kAzureFileParts},
    {"flexVolume",
     "FlexVolume (a generic volume resource that is provisioned/attached using an exec based "
     "plugin)",
     kFlexVolumeParts},
    {"flocker", "Flocker (a Flocker volume mounted by the Flocker agent)", kFlockerParts},
    {"image", "Image (a container image or OCI artifact)", kImageParts}};

std::string ShownField(const Json& source, const FieldPart& part, bool of_volume) {
  const Json& value = At(source, part.field);
  switch (part.form) {
    case FieldForm::kText:
      return PlainText(value);
    case FieldForm::kNumber:
      return std::to_string(IntOf(value));
    case FieldForm::kTruth:
      return IsTrue(value) ? "true" : "false";
    case FieldForm::kTexts:
      return "[" + Join(TextsAt(source, part.field), " ") + "]";
    case FieldForm::kJoined:
      return Join(TextsAt(source, part.field), ", ");
    case FieldForm::kPairs:
      return GoPlain(value.is_object() ? value : Json::object());
    case FieldForm::kSecret:
      if (!value.is_object()) return "nil";
      return of_volume ? fmt::format("&SecretReference{{Name:{},Namespace:{},}}",
                                     TextAt(value, "name"), TextAt(value, "namespace"))
                       : fmt::format("&LocalObjectReference{{Name:{},}}", TextAt(value, "name"));
    case FieldForm::kOrNone:
      return value.is_null() ? "<none>" : PlainText(value);
    case FieldForm::kOrUnset:
      return value.is_null() ? "<unset>" : PlainText(value);
    case FieldForm::kSecretName:
      return TextAt(value, "name");
    case FieldForm::kSecretNamespace:
      return TextAt(value, "namespace");
  }
  return "";
}

}  // namespace

bool WriteSourceByFields(DescribeWriter& out, int level, const Json& volume, bool of_volume) {
  const auto end = std::end(kSourceShapes);
  const auto found = std::find_if(std::begin(kSourceShapes), end, [&](const SourceShape& each) {
    return At(volume, each.name).is_object();
  });
  if (found == end) return false;
  const Json& source = At(volume, found->name);
  out.Field(level, "Type", found->type);
  for (const FieldPart& part : found->parts) {
    if (part.of == ShownOf::kVolume && !of_volume) continue;
    out.Line(level, fmt::format("{}\t{}", part.label, ShownField(source, part, of_volume)));
  }
  return true;
}

}  // namespace skiff::cli
