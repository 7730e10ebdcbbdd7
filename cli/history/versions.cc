#include "cli/history/versions.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "api/text/yaml.h"
#include "base/hash.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/colours.h"
#include "cli/json_text.h"
#include "cli/writing.h"

namespace skiff::cli {

namespace fs = std::filesystem;

Result<std::string> Versions::MakeFolder(const std::string& name) {
  std::string form = fs::temp_directory_path().string() + "/" + name + "-XXXXXX";
  if (!mkdtemp(form.data())) return CliError("cannot create a folder like " + form);
  return form;
}

Result<Versions> Versions::Create(const std::string& before, const std::string& after) {
  Versions versions;
  versions.live_ = TRY(MakeFolder(before));
  versions.merged_ = TRY(MakeFolder(after));
  return versions;
}

Versions::Versions(Versions&& other) noexcept
    : live_(std::exchange(other.live_, "")), merged_(std::exchange(other.merged_, "")) {}

Versions::~Versions() {
  std::error_code ignored;  // They lie in /tmp.
  for (const std::string& folder : {live_, merged_}) {
    if (!folder.empty()) fs::remove_all(folder, ignored);
  }
}

Result<> Versions::Add(const std::string& name, const Json& live, const Json& merged) const {
  for (const auto& [folder, object] : {std::pair(live_, &live), std::pair(merged_, &merged)}) {
    std::ofstream file(folder + "/" + name);
    if (!object->is_null()) file << DumpYaml(*object);
    if (!file.flush()) return CliError("cannot write " + folder + "/" + name);
  }
  return {};
}

namespace {

// What the last apply of a Secret said is what the Secret holds; null where there is none.
Json* LastAppliedOf(Json& object) {
  const bool is_there = !At(object, "metadata", "annotations", kLastApplied).is_null();
  return is_there ? &object["metadata"]["annotations"][kLastApplied] : nullptr;
}

void MaskLastApplied(Json& live, Json& merged) {
  Json* before = LastAppliedOf(live);
  Json* after = LastAppliedOf(merged);
  const bool differs = before && after && *before != *after;
  if (before) *before = differs ? "*** (before)" : "***";
  if (after) *after = differs ? "*** (after)" : "***";
}

}  // namespace

void Mask(Json& live, Json& merged) {
  if (TextAt(merged, "kind") != "Secret") return;
  MaskLastApplied(live, merged);
  Json* before = live.is_object() && live.contains("data") ? &live["data"] : nullptr;
  Json* after = merged.contains("data") ? &merged["data"] : nullptr;
  if (after && after->is_object()) {
    for (auto& [key, value] : after->items()) {
      const bool both = before && before->is_object() && before->contains(key);
      const bool same = both && (*before)[key] == value;
      if (both) (*before)[key] = same ? "***" : "*** (before)";
      value = both && !same ? "*** (after)" : "***";
    }
  }
  if (!before || !before->is_object()) return;
  for (auto& [key, value] : before->items()) {
    if (!TextOf(value).starts_with("***")) value = "***";
  }
}

std::string FileNameOf(const Resource& resource, const ObjectKey& key) {
  std::string name =
      fmt::format("{}.{}.{}.{}", resource.api_version, resource.kind, key.namespace_, key.name);
  // Whatever a server calls its kinds and objects, it stays in its folder.
  for (char& c : name) c = c == '/' ? '.' : c;
  // Longer than files may be called an object's name alone may nearly be.
  constexpr size_t kBytesMax = 255;
  if (name.size() <= kBytesMax) return name;
  const std::string digest = Hex(Sha256(name));
  return name.substr(0, kBytesMax - digest.size() - 1) + "-" + digest;
}

namespace {

// The program, and of the words behind it those that kubectl passes on: made of letters, digits,
// "-" and "=".
Args DiffCommand(const std::string& external) {
  if (external.empty()) return {"diff", "-u", "-N"};
  Args argv;
  for (std::string& word : Split(external, ' ')) {
    const bool is_plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
      return IsAlnum(c) || c == '-' || c == '=';
    });
    if (argv.empty() || is_plain) argv.push_back(std::move(word));
  }
  return argv;
}

}  // namespace

Result<bool> ShowDifferences(Command& command, const Versions& versions) {
  ProcessSpec spec;
  const std::string external = command.environment().variable("KUBECTL_EXTERNAL_DIFF");
  spec.argv = DiffCommand(external);
  spec.argv.push_back(versions.live());
  spec.argv.push_back(versions.merged());
  auto output = RunProcess(spec);
  if (!output) {
    return CliError(
        fmt::format("failed to run {}: {}", Join(spec.argv, " "), output.error().message));
  }
  Environment& environment = command.environment();
  environment.out(Colours(environment.ShowsColours() && external.empty()).Diff(output->out));
  command.environment().err(output->err);
  if (output->exit_code > 1) {
    return CliError(fmt::format("exit status {}", output->exit_code));
  }
  return output->exit_code == 1;
}

}  // namespace skiff::cli
