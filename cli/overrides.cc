#include "cli/overrides.h"

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
  return changed;
}

}  // namespace skiff::cli
