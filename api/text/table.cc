#include "api/text/table.h"

#include "api/columns/cells.h"
#include "api/text/go_text.h"

namespace skiff {
namespace {

constexpr TableColumn kDefaultColumns[] = {
    columns::kName,
    {.name = "Created At",
     .cell = columns::Text<"metadata.creationTimestamp">,
     .type = "date",
     .description = "When the server created the object."},
};

Json ColumnDefinitions(const TableFormat& format) {
  Json out = Json::array();
  for (const TableColumn& column : format.columns) {
    if (column.hidden) continue;
    out.push_back({{"name", column.name},
                   {"type", column.type},
                   {"format", column.format},
                   {"description", column.description},
                   {"priority", column.priority}});
  }
  return out;
}

std::string MetaVersion(std::string_view version) {
  return "meta.k8s.io/" + std::string(version);
}

Json RowObject(const Json& object, const TableOptions& options) {
  if (options.include == IncludeObject::kNone) return nullptr;
  if (options.include == IncludeObject::kMetadata) {
    return MakePartialObject(object, options.version);
  }
  Json whole = object;
  if (!whole.contains("kind")) whole["kind"] = options.kind;
  if (!whole.contains("apiVersion")) whole["apiVersion"] = options.api_version;
  return whole;
}

// What the metadata of a list or a Table may hold.
Json ListMetadata(const Json& document) {
  Json out = Json::object();
  const Json& metadata = ListAt(document, "metadata");
  for (const char* key : {"resourceVersion", "continue", "remainingItemCount"}) {
    const auto it = metadata.find(key);
    if (it != metadata.end() && *it != "") out[key] = *it;
  }
  return out;
}

}  // namespace

constinit const TableFormat kPlainTable = {.columns = kDefaultColumns, .null_rows = true};

Result<IncludeObject> ParseIncludeObject(std::string_view text) {
  if (text.empty() || text == "Metadata") return IncludeObject::kMetadata;
  if (text == "Object") return IncludeObject::kObject;
  if (text == "None") return IncludeObject::kNone;
  return Fail(Reason::kBadRequest,
              "Unable to convert to Table as requested: includeObject: Invalid value: " +
                  GoQuote(text) + ": must be 'Metadata', 'Object', 'None', or empty");
}

Json MakeTableRow(const TableFormat& format, const Json& object, const TableOptions& options) {
  Json cells = Json::array();
  for (const TableColumn& column : format.columns) {
    cells.push_back(column.cell({object, options.now, column}));
  }
  Json row = {{"cells", std::move(cells)}, {"object", RowObject(object, options)}};
  if (format.row_conditions != nullptr) {
    Json conditions = format.row_conditions(object);
    if (!conditions.is_null()) row["conditions"] = std::move(conditions);
  }
  return row;
}

Json MakeTable(const TableFormat& format, const Json& document, const TableOptions& options) {
  Json rows = Json::array();
  const auto items = document.find("items");
  if (items == document.end()) {
    rows.push_back(MakeTableRow(format, document, options));
  } else {
    for (const Json& item : *items) rows.push_back(MakeTableRow(format, item, options));
  }
  if (rows.empty() && format.null_rows) rows = nullptr;
  Json table = {{"kind", "Table"},
                {"apiVersion", MetaVersion(options.version)},
                {"metadata", ListMetadata(document)},
                {"columnDefinitions", options.headers ? ColumnDefinitions(format) : Json()}};
  table["rows"] = std::move(rows);
  return table;
}

Json MakePartialObject(const Json& object, std::string_view version) {
  const auto metadata = object.find("metadata");
  return {{"kind", "PartialObjectMetadata"},
          {"apiVersion", MetaVersion(version)},
          {"metadata", metadata == object.end() ? Json::object() : *metadata}};
}

}  // namespace skiff
