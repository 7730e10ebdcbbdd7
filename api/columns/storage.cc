// Volumes, claims and storage.k8s.io.
#include "api/columns/cells.h"

namespace skiff::columns {
namespace {

Json AnnotationOr(const CellInput& input, std::string_view path) {
  const Json& annotations = ListAt(input.object, "metadata.annotations");
  const auto it = annotations.find("volume.beta.kubernetes.io/storage-class");
  return it != annotations.end() ? *it : Json(TextAt(input.object, path));
}

Json StorageClassCell(const CellInput& input) {
  return AnnotationOr(input, "spec.storageClassName");
}

Json PhaseCell(const CellInput& input) {
  const bool deleting = FindPath(input.object, "metadata.deletionTimestamp") != nullptr;
  return deleting ? "Terminating" : TextAt(input.object, "status.phase");
}

Json ClaimCell(const CellInput& input) {
  const Json* claim = FindPath(input.object, "spec.claimRef");
  return claim == nullptr ? "" : TextAt(*claim, "namespace") + "/" + TextAt(*claim, "name");
}

Json VolumeModesCell(const CellInput& input) {
  return AccessModesText(ListAt(input.object, "spec.accessModes"));
}

constexpr TableColumn kAttributesClass = {"VolumeAttributesClass",
                                          Given<"spec.volumeAttributesClassName", "<unset>">};
constexpr TableColumn kVolumeMode = {"VolumeMode", Text<"spec.volumeMode", "<unset>">, "string", 1};

constexpr TableColumn kVolume[] = {
    kName,
    {"Capacity", Text<"spec.capacity.storage", "0">},
    {"Access Modes", VolumeModesCell},
    {"Reclaim Policy", Text<"spec.persistentVolumeReclaimPolicy">},
    {"Status", PhaseCell},
    {"Claim", ClaimCell},
    {"StorageClass", StorageClassCell},
    kAttributesClass,
    {"Reason", Text<"status.reason">},
    kAge,
    kVolumeMode,
};

// What a claim got is shown once it has a volume.
Json ClaimCapacityCell(const CellInput& input) {
  if (TextAt(input.object, "spec.volumeName").empty()) return "";
  return OrElse(TextAt(input.object, "status.capacity.storage"), "0");
}

Json ClaimModesCell(const CellInput& input) {
  if (TextAt(input.object, "spec.volumeName").empty()) return "";
  return AccessModesText(ListAt(input.object, "status.accessModes"));
}

constexpr TableColumn kClaim[] = {
    kName,
    {"Status", PhaseCell},
    {"Volume", Text<"spec.volumeName">},
    {"Capacity", ClaimCapacityCell},
    {"Access Modes", ClaimModesCell},
    {"StorageClass", StorageClassCell},
    kAttributesClass,
    kAge,
    kVolumeMode,
};

Json ClassNameCell(const CellInput& input) {
  std::string name = TextAt(input.object, "metadata.name");
  const Json& annotations = ListAt(input.object, "metadata.annotations");
  for (const char* key : {"storageclass.kubernetes.io/is-default-class",
                          "storageclass.beta.kubernetes.io/is-default-class"}) {
    const auto it = annotations.find(key);
    if (it != annotations.end() && *it == "true") return name + " (default)";
  }
  return name;
}

constexpr TableColumn kStorageClass[] = {
    {.name = "Name",
     .cell = ClassNameCell,
     .format = "name",
     .description = "The name of the class, and whether claims without a class get it."},
    {"Provisioner", Text<"provisioner">},
    {"ReclaimPolicy", Text<"reclaimPolicy", "Delete">},
    {"VolumeBindingMode", Text<"volumeBindingMode", "Immediate">},
    {"AllowVolumeExpansion", Bool<"allowVolumeExpansion">},
    kAge,
};

constexpr TableColumn kVolumeAttributesClass[] = {kName, {"DriverName", Text<"driverName">}, kAge};

constexpr TableColumn kAttachment[] = {
    kName,
    {.name = "Attacher", .cell = Text<"spec.attacher">, .format = "name"},
    {"PV", Text<"spec.source.persistentVolumeName">},
    {"Node", Text<"spec.nodeName">},
    {"Attached", Bool<"status.attached">, "boolean"},
    kAge,
};

constexpr TableColumn kCsiNode[] = {kName, {"Drivers", Count<"spec.drivers">, "integer"}, kAge};

Json TokenRequestsCell(const CellInput& input) {
  if (FindPath(input.object, "spec.tokenRequests") == nullptr) return "<unset>";
  return Join(Strings(ListAt(input.object, "spec.tokenRequests"), "audience"));
}

Json LifecycleModesCell(const CellInput& input) {
  return OrElse(Join(Strings(ListAt(input.object, "spec.volumeLifecycleModes"))), "<none>");
}

constexpr TableColumn kCsiDriver[] = {
    kName,
    {"AttachRequired", Bool<"spec.attachRequired", true>, "boolean"},
    {"PodInfoOnMount", Bool<"spec.podInfoOnMount">, "boolean"},
    {"StorageCapacity", Bool<"spec.storageCapacity">, "boolean"},
    {"TokenRequests", TokenRequestsCell},
    {"RequiresRepublish", Bool<"spec.requiresRepublish">, "boolean"},
    {"Modes", LifecycleModesCell},
    kAge,
};

}  // namespace

constinit const TableFormat kVolumeTable = {kVolume};
constinit const TableFormat kClaimTable = {kClaim};
constinit const TableFormat kStorageClassTable = {kStorageClass};
constinit const TableFormat kVolumeAttributesClassTable = {kVolumeAttributesClass};
constinit const TableFormat kAttachmentTable = {kAttachment};
constinit const TableFormat kCsiNodeTable = {kCsiNode};
constinit const TableFormat kCsiDriverTable = {kCsiDriver};

}  // namespace skiff::columns
