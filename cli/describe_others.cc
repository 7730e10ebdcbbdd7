// What few look at: addresses and their ranges, what nodes say of CSI, attributes of volumes.
#include "cli/describe.h"
#include "cli/json_text.h"

namespace skiff::cli {
namespace {

void NameAndLabels(DescribeWriter& out, const Json& object) {
  out.Field(0, "Name", NameOf(object));
  out.Labels("Labels", At(object, "metadata", "labels"));
  out.Annotations(At(object, "metadata", "annotations"));
}

}  // namespace

std::string PairsText(const Json& pairs) {
  if (!pairs.is_object() || pairs.empty()) return "<none>";
  std::vector<std::string> texts;
  for (const auto& [key, value] : pairs.items()) texts.push_back(key + "=" + TextOf(value));
  return Join(texts, ",");
}

void DescribeIpAddress(DescribeWriter& out, DescribeContext& /*context*/, const Json& object) {
  NameAndLabels(out, object);
  const Json& parent = At(object, "spec", "parentRef");
  if (!parent.is_object()) return;
  out.Line(0, "Parent Reference:");
  out.Field(1, "Group", TextAt(parent, "group"));
  out.Field(1, "Resource", TextAt(parent, "resource"));
  out.Field(1, "Namespace", TextAt(parent, "namespace"));
  out.Field(1, "Name", TextAt(parent, "name"));
}

void DescribeServiceCidr(DescribeWriter& out, DescribeContext& /*context*/, const Json& object) {
  NameAndLabels(out, object);
  out.Field(0, "CIDRs", Join(TextsAt(At(object, "spec"), "cidrs"), ", "));
  const Json& conditions = At(object, "status", "conditions");
  if (!conditions.is_array() || conditions.empty()) return;
  out.Line(0, "Status:\nConditions:");
  out.Line(1, "Type\tStatus\tLastTransitionTime\tReason\tMessage");
  out.Line(1, "----\t------\t------------------\t------\t-------");
  for (const Json& each : conditions) {
    out.Line(1, fmt::format("{}\t{}\t{}\t{}\t{}", TextAt(each, "type"), TextAt(each, "status"),
                            DescribeMoment(TextAt(each, "lastTransitionTime")),
                            TextAt(each, "reason"), TextAt(each, "message")));
  }
}

void DescribeCsiNode(DescribeWriter& out, DescribeContext& /*context*/, const Json& object) {
  NameAndLabels(out, object);
  out.Field(0, "CreationTimestamp", DescribeTime(TextAt(object, "metadata", "creationTimestamp")));
  out.Line(0, "Spec:");
  const Json& drivers = At(object, "spec", "drivers");
  if (!drivers.is_array()) return;
  out.Line(1, "Drivers:");
  for (const Json& driver : drivers) {
    out.Line(2, TextAt(driver, "name") + ":");
    out.Field(3, "Node ID", TextAt(driver, "nodeID"));
    if (const Json& count = At(driver, "allocatable", "count"); !count.is_null()) {
      out.Line(3, "Allocatables:");
      out.Field(4, "Count", PlainText(count));
    }
    if (At(driver, "topologyKeys").is_array()) {
      out.Field(3, "Topology Keys", "[" + Join(TextsAt(driver, "topologyKeys"), " ") + "]");
    }
  }
}

void DescribeAttributesClass(DescribeWriter& out, DescribeContext& /*context*/,
                             const Json& object) {
  out.Field(0, "Name", NameOf(object));
  out.Field(0, "Annotations", PairsText(At(object, "metadata", "annotations")));
  out.Field(0, "DriverName", TextAt(object, "driverName"));
  out.Field(0, "Parameters", PairsText(At(object, "parameters")));
}

}  // namespace skiff::cli
