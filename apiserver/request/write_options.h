// The query of create, update and patch, and the DeleteOptions of delete, checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/codec/decode.h"
#include "api/gen/meta_v1.h"
#include "api/values.h"
#include "base/error.h"
#include "http/message.h"

namespace skiff {

struct WriteOptions {
  bool dry_run = false;
  std::string field_manager;  // As given; ManagerOf says who stands in managedFields.
  FieldValidation validation = FieldValidation::kWarn;
  bool force = false;  // Apply alone.
  bool is_apply = false;
};

// `kind` names the options in errors: "CreateOptions", "UpdateOptions", "PatchOptions". `is_apply`
// only matters for the last.
Result<WriteOptions> ParseWriteOptions(const http::Request& request, std::string_view kind,
                                       bool is_apply = false);

// The field manager, else the client's name from its User-Agent.
std::string ManagerOf(const WriteOptions& options, const http::Request& request);

enum class Propagation : uint8_t { kUnset, kOrphan, kBackground, kForeground };

struct DeleteQuery {
  std::optional<int64_t> grace_seconds;
  Propagation propagation = Propagation::kUnset;
  std::optional<bool> orphan_dependents;
  bool dry_run = false;
  std::optional<std::string> uid;
  std::optional<std::string> resource_version;
};

// The same as the document that admission is shown.
Json OptionsDocument(const WriteOptions& options, std::string_view kind);
Json OptionsDocument(const DeleteQuery& options);
// nullopt where that document is the one of no options, which most writes need not make: admission
// has it (RequestDocument).
std::optional<Json> MoreThanDefault(const WriteOptions& options, std::string_view kind);

// Invalid where they cannot be meant.
Result<DeleteQuery> CheckDeleteOptions(const meta_v1::DeleteOptions& given);
// From the body when there is one, else from the query.
Result<DeleteQuery> ParseDeleteOptions(const http::Request& request, std::string_view group,
                                       std::string_view version);

}  // namespace skiff
