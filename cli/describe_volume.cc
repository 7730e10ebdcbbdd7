#include <fmt/format.h>

#include "cli/describe_pod.h"
#include "cli/json_text.h"

namespace skiff::cli {
namespace {

std::string TrueOrFalse(const Json& value) {
  return IsTrue(value) ? "true" : "false";
}

void WriteProjected(DescribeWriter& out, int level, const Json& projected) {
  out.Field(level, "Type",
            "Projected (a volume that contains injected data from multiple sources)");
  for (const Json& source : At(projected, "sources")) {
    if (const Json& secret = At(source, "secret"); secret.is_object()) {
      out.Field(level, "SecretName", TextAt(secret, "name"));
      out.Field(level, "Optional", TrueOrFalse(At(secret, "optional")));
    } else if (At(source, "downwardAPI").is_object()) {
      out.Field(level, "DownwardAPI", "true");
    } else if (const Json& map = At(source, "configMap"); map.is_object()) {
      out.Field(level, "ConfigMapName", TextAt(map, "name"));
      out.Field(level, "Optional", TrueOrFalse(At(map, "optional")));
    } else if (const Json& token = At(source, "serviceAccountToken"); token.is_object()) {
      out.Field(level, "TokenExpirationSeconds", std::to_string(IntAt(token, "expirationSeconds")));
    }
  }
}

void WriteCsi(DescribeWriter& out, int level, const Json& csi) {
  out.Field(level, "Type", "CSI (a Container Storage Interface (CSI) volume source)");
  out.Field(level, "Driver", TextAt(csi, "driver"));
  out.Field(level, "FSType", TextAt(csi, "fsType"));
  out.FieldIf(level, "VolumeHandle", TextAt(csi, "volumeHandle"));
  out.Field(level, "ReadOnly", TrueOrFalse(At(csi, "readOnly")));
  const Json& attributes = At(csi, "volumeAttributes");
  if (!attributes.is_object() || attributes.empty()) {
    out.Field(level, "VolumeAttributes", "<none>");
    return;
  }
  bool first = true;
  for (const auto& [key, value] : attributes.items()) {
    out.Line(level, (first ? "VolumeAttributes:\t    " : "\t    ") + key + "=" + TextOf(value));
    first = false;
  }
}

// Labels or annotations of a claim within a volume. kubectl indents what stands behind the tabs
// once more.
void WritePairs(DescribeWriter& out, int level, const std::string& title, const Json& pairs,
                const char* between) {
  const std::string indent(2 * static_cast<size_t>(level), ' ');
  std::string before = title + ":\t" + indent;
  if (!pairs.is_object() || pairs.empty()) out.Line(level, before + "<none>");
  for (const auto& [key, value] : pairs.items()) {
    out.Line(level, before + key + between + TextOf(value));
    before = indent + "\t" + indent;
  }
}

// The claim that will be made for the pod; of one that is not there yet there is no more to say.
void WriteEphemeral(DescribeWriter& out, int level, const Json& claim) {
  out.Field(level, "Type",
            "EphemeralVolume (an inline specification for a volume that gets created and deleted "
            "with the pod)");
  if (!claim.is_object()) return;
  out.Field(level, "StorageClass", TextAt(claim, "spec", "storageClassName"));
  out.Field(level, "Volume", TextAt(claim, "spec", "volumeName"));
  WritePairs(out, level, "Labels", At(claim, "metadata", "labels"), "=");
  WritePairs(out, level, "Annotations", At(claim, "metadata", "annotations"), ": ");
  out.Field(level, "Capacity", "");
  out.Field(level, "Access Modes", "");
  out.FieldIf(level, "VolumeMode", TextAt(claim, "spec", "volumeMode"));
  if (const Json& source = At(claim, "spec", "dataSource"); source.is_object()) {
    out.Line(level, "DataSource:");
    out.FieldIf(level + 1, "APIGroup", TextAt(source, "apiGroup"));
    out.Field(level + 1, "Kind", TextAt(source, "kind"));
    out.Field(level + 1, "Name", TextAt(source, "name"));
  }
}

}  // namespace

void WriteVolumeSource(DescribeWriter& out, int level, const Json& volume, bool of_volume) {
  if (const Json& path = At(volume, "hostPath"); path.is_object()) {
    out.Field(level, "Type", "HostPath (bare host directory volume)");
    out.Field(level, "Path", TextAt(path, "path"));
    out.Field(level, "HostPathType", TextAt(path, "type"));
  } else if (const Json& empty = At(volume, "emptyDir"); empty.is_object()) {
    out.Field(level, "Type", "EmptyDir (a temporary directory that shares a pod's lifetime)");
    out.Field(level, "Medium", TextAt(empty, "medium"));
    const std::string limit = PlainText(At(empty, "sizeLimit"));
    const auto amount = Quantity::Parse(limit);
    out.Field(level, "SizeLimit", amount && amount->MilliValue() > 0 ? limit : "<unset>");
  } else if (const Json& secret = At(volume, "secret"); secret.is_object()) {
    out.Field(level, "Type", "Secret (a volume populated by a Secret)");
    out.Field(level, "SecretName", TextAt(secret, "secretName"));
    out.Field(level, "Optional", TrueOrFalse(At(secret, "optional")));
  } else if (const Json& map = At(volume, "configMap"); map.is_object()) {
    out.Field(level, "Type", "ConfigMap (a volume populated by a ConfigMap)");
    out.Field(level, "Name", TextAt(map, "name"));
    out.Field(level, "Optional", TrueOrFalse(At(map, "optional")));
  } else if (const Json& projected = At(volume, "projected"); projected.is_object()) {
    WriteProjected(out, level, projected);
  } else if (const Json& claim = At(volume, "persistentVolumeClaim"); claim.is_object()) {
    out.Field(level, "Type",
              "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same "
              "namespace)");
    out.Field(level, "ClaimName", TextAt(claim, "claimName"));
    out.Field(level, "ReadOnly", TrueOrFalse(At(claim, "readOnly")));
  } else if (const Json& downward = At(volume, "downwardAPI"); downward.is_object()) {
    out.Field(level, "Type", "DownwardAPI (a volume populated by information about the pod)");
    out.Line(level, "Items:");
    for (const Json& item : At(downward, "items")) {
      const bool of_field = At(item, "fieldRef").is_object();
      out.Line(level + 1, fmt::format("{} -> {}",
                                      of_field ? TextAt(item, "fieldRef", "fieldPath")
                                               : TextAt(item, "resourceFieldRef", "resource"),
                                      TextAt(item, "path")));
    }
  } else if (const Json& csi = At(volume, "csi"); csi.is_object()) {
    WriteCsi(out, level, csi);
  } else if (const Json& local = At(volume, "local"); local.is_object()) {
    out.Field(level, "Type", "LocalVolume (a persistent volume backed by local storage on a node)");
    out.Field(level, "Path", TextAt(local, "path"));
  } else if (const Json& ephemeral = At(volume, "ephemeral"); ephemeral.is_object()) {
    WriteEphemeral(out, level, At(ephemeral, "volumeClaimTemplate"));
  } else if (!WriteSourceByFields(out, level, volume, of_volume)) {
    out.Line(level - 1, "<unknown>");
  }
}

}  // namespace skiff::cli
