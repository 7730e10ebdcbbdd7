#include "cli/overrides.h"

#include "api/codec/decode.h"
#include "api/text/go_text.h"
#include "cli/kinds.h"
#include "cli/writing.h"

namespace skiff::cli {

void OverrideFlags::AddTo(Command& command) {
  command.Flag("overrides", text, "JSON that changes the object before it is created.");
  command.Flag("override-type", type, "How it does: json, merge or strategic.");
}

Result<Json> OverrideFlags::Apply(Session& session, const Resource& resource, Json object) const {
  if (text.empty()) return object;
  const bool json = type == "json";
  const bool merge = type == "merge" || type.empty();
  if (!json && !merge && type != "strategic") {
    return CliError("invalid override type: " + type);
  }
  const Json parsed = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json ? !parsed.is_array() : !parsed.is_object()) return CliError("Invalid JSON Patch");
  const Target target{resource, {}, "", std::move(object)};
  Json changed = TRY(PatchedHere(session, target,
                                 json    ? PatchType::kJson
                                 : merge ? PatchType::kMerge
                                         : PatchType::kStrategic,
                                 text));
  if (TextAt(changed, "kind").empty()) {
    return CliError(fmt::format("Object 'Kind' is missing in '{}'", DumpJson(changed)));
  }
  // Read by its type, as kubectl does: what that does not have is left out, what does not fit told.
  const std::string api_version = TextAt(changed, "apiVersion");
  const std::string kind = TextAt(changed, "kind");
  const KindInfo* info = KindAsSaid(api_version, kind).info;
  if (!info) {
    return CliError(NoKindRegistered({api_version, kind}, kRuntimeScheme));
  }
  auto typed = Normalize(*info->type, changed);
  if (!typed) return CliError(typed.error().message);
  return std::move(*typed);
}

}  // namespace skiff::cli
