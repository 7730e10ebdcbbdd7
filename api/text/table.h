// Objects as clients that print want them: meta.k8s.io Tables with Kubernetes' columns and cells,
// and PartialObjectMetadata. Works on documents in the version that was asked for.
//
//   const TableFormat& format = *core_v1::Pod::Info().behaviour->table;
//   Json table = MakeTable(format, list, {.now = clock.Now()});
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/type.h"
#include "api/values.h"
#include "base/clock.h"
#include "base/error.h"

namespace skiff {

struct TableColumn;

struct CellInput {
  const Json& object;
  TimePoint now;
  const TableColumn& column;
};

struct TableColumn {
  std::string_view name;
  Json (*cell)(const CellInput& input);
  std::string_view type = "string";
  int priority = 0;  // Above 0: shown by `-o wide` only.
  std::string_view format = "";
  std::string_view description = "";
  bool hidden = false;            // A cell without a column.
  const void* context = nullptr;  // For `cell`: the path of a custom column.
};

// How objects of a kind become rows.
struct TableFormat {
  std::span<const TableColumn> columns;
  bool null_rows = false;  // An empty list has rows null, not [].
  // What a row says beside its cells; null: nothing.
  Json (*row_conditions)(const Json& object) = nullptr;
  // Where it is, rows of a list come in the order of it and not of their names.
  int64_t (*rank)(const Json& object) = nullptr;
};

// The format of name and creation time for kinds without one of their own.
extern const TableFormat kPlainTable;

// ?includeObject=
enum class IncludeObject : uint8_t { kMetadata, kObject, kNone };
// Fails with BadRequest in Kubernetes' words.
Result<IncludeObject> ParseIncludeObject(std::string_view text);

struct TableOptions {
  TimePoint now;
  std::string_view version = "v1";  // Of meta.k8s.io: the "v=" of Accept.
  IncludeObject include = IncludeObject::kMetadata;
  bool headers = true;  // false: columnDefinitions null, as after a watch's first event.
  // Of the objects; filled in where the items of a list lack them.
  std::string_view api_version = "";
  std::string_view kind = "";
};

// The Table of a list ("items") or of one object.
Json MakeTable(const TableFormat& format, const Json& document, const TableOptions& options);
// {"cells": ..., "object": ...}, "conditions" where the kind has some.
Json MakeTableRow(const TableFormat& format, const Json& object, const TableOptions& options);

// {"kind": "PartialObjectMetadata", ...} in meta.k8s.io/`version`.
Json MakePartialObject(const Json& object, std::string_view version);

}  // namespace skiff
