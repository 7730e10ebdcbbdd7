#include "controllers/metrics/encodings.h"

#include <array>
#include <optional>
#include <string_view>

#include "api/codec/protobuf.h"
#include "api/text/table.h"
#include "api/text/yaml.h"
#include "controllers/metrics/documents.h"
#include "http/accept.h"

namespace skiff::metrics {
namespace {

constexpr const char* kJsonType = "application/json";
constexpr const char* kYamlType = "application/yaml";
constexpr const char* kProtobufType = "application/vnd.kubernetes.protobuf";

// The tables of the two kinds, which are not built in: what is built in never leaves.
struct MetricsTypes {
  MetricsTypes() {
    const auto has = [](std::string_view name, const Type* type, uint16_t number) {
      Field field;
      field.name = name;
      field.type = type;
      field.number = number;
      return field;
    };
    amount.shape = Shape::kQuantity;
    text.shape = Shape::kString;
    moment.shape = Shape::kTime;
    window.shape = Shape::kDuration;
    amounts.shape = Shape::kMap;
    amounts.element = &amount;
    container.shape = Shape::kStruct;
    container_fields = {has("name", &text, 1), has("usage", &amounts, 2)};
    container.fields = container_fields;
    container.by_number = kOrder.first(container_fields.size());
    containers.shape = Shape::kList;
    containers.element = &container;
    const Type* metadata = FindBuiltInType("meta/v1", "ObjectMeta");
    node_fields = {has("metadata", metadata, 1), has("timestamp", &moment, 2),
                   has("window", &window, 3), has("usage", &amounts, 4)};
    pod_fields = node_fields;
    pod_fields.back() = has("containers", &containers, 4);
    node.shape = pod.shape = Shape::kStruct;
    node.fields = node_fields;
    pod.fields = pod_fields;
    node.by_number = pod.by_number = kOrder;
  }

  static constexpr std::array<uint16_t, 4> kNumbers = {0, 1, 2, 3};
  static constexpr std::span<const uint16_t> kOrder = kNumbers;
  Type amount, text, moment, window, amounts, container, containers, node, pod;
  std::array<Field, 2> container_fields;
  std::array<Field, 4> node_fields, pod_fields;
};

std::string ProtobufOf(const Json& document) {
  static const MetricsTypes types;
  const std::string kind = document.at("kind").get<std::string>();
  const TypeMeta meta{kApiVersion, kind};
  const Type& item = kind.starts_with("Node") ? types.node : types.pod;
  return document.contains("items") ? EncodeProtobufList(item, meta, document)
                                    : EncodeProtobuf(item, meta, document);
}

// Of a pod's containers together; as the metrics server writes it.
std::string AmountOf(const Json& object, const char* resource) {
  if (object.contains("usage")) return object["usage"].value(resource, "0");
  std::optional<Quantity> sum;
  for (const Json& container : object.at("containers")) {
    const auto amount = Quantity::Parse(container["usage"].value(resource, "0"));
    if (amount) sum = sum ? *sum + *amount : *amount;
  }
  return sum ? sum->Text() : "0";
}

Json NameCell(const CellInput& input) {
  return input.object.at("metadata").at("name");
}
Json CpuCell(const CellInput& input) {
  return AmountOf(input.object, "cpu");
}
Json MemoryCell(const CellInput& input) {
  return AmountOf(input.object, "memory");
}
Json WindowCell(const CellInput& input) {
  return input.object.at("window");
}

Json TableOf(const Json& document, std::string_view version, TimePoint now) {
  static constexpr std::array<TableColumn, 4> kColumns = {{
      {.name = "Name",
       .cell = NameCell,
       .format = "name",
       .description = "Name of the object, which is unique among its kind"},
      {.name = "cpu", .cell = CpuCell, .description = "Processors in use"},
      {.name = "memory", .cell = MemoryCell, .description = "Memory in use"},
      {.name = "Window",
       .cell = WindowCell,
       .format = "duration",
       .description = "The time over which that was measured"},
  }};
  return MakeTable({.columns = kColumns}, document, {.now = now, .version = version});
}

// Where a Table is asked for, its version; "": it is another conversion, which there is none of.
std::string_view TableVersionOf(const http::AcceptClause& clause) {
  if (clause.Parameter("as") != "Table" || clause.Parameter("g") != "meta.k8s.io") return "";
  const std::string_view version = clause.Parameter("v");
  return version == "v1" || version == "v1beta1" ? version : "";
}

http::Response AnswerOf(std::string body, const char* type) {
  http::Response response;
  response.content_type = type;
  response.body = std::move(body);
  return response;
}

}  // namespace

Result<http::Response> EncodedAnswer(const http::Request& request, const Json& document,
                                     TimePoint now) {
  const std::string_view accept = request.Header("Accept");
  for (const auto& clause : http::ParseAccept(accept.empty() ? "*/*" : accept)) {
    const bool is_plain = clause.Parameter("as").empty();
    if (clause.Matches(kJsonType)) {
      if (is_plain) return AnswerOf(DumpJson(document), kJsonType);
      const std::string_view version = TableVersionOf(clause);
      if (!version.empty()) return AnswerOf(DumpJson(TableOf(document, version, now)), kJsonType);
    }
    if (!is_plain) continue;
    if (clause.Matches(kYamlType)) return AnswerOf(DumpYaml(document), kYamlType);
    if (clause.Matches(kProtobufType)) return AnswerOf(ProtobufOf(document), kProtobufType);
  }
  return Fail(Reason::kNotAcceptable,
              std::string("only the following media types are accepted: ") + kJsonType + ", " +
                  kYamlType + ", " + kProtobufType);
}

}  // namespace skiff::metrics
