// Compose files of others, with a file beside them that they may include, extend or mount.
#include "api/codec/json.h"
#include "base/error.h"
#include "cli/compose/convert.h"
#include "cli/compose/env_file.h"
#include "cli/compose/files_fixture.h"
#include "e2e/fuzz/targets.h"
#include "kubelet/env_file.h"

namespace skiff::fuzz {

void Compose(std::string_view bytes) {
  namespace compose = cli::compose;
  compose::FilesInMemory files;
  files.files["/shop/compose.yaml"] = bytes;
  files.files["/shop/more.yaml"] =
      "services: {db: {image: db, environment: {A: $A}, volumes: [data:/data]}}\n"
      "volumes: {data: {}}\n";
  files.files["/shop/.env"] = "A=one\nB=${A:-two}\n";
  files.files["/shop/some.env"] = "A=1\nC='three'\n";
  files.files["/shop/conf/a.txt"] = "text";
  compose::LoadOptions options = compose::InShop({{"HOST", "h"}});
  options.profiles = {"*"};
  compose::Mistakes wrong;
  const auto project = compose::Load(options, files, wrong);
  (void)compose::LoadName(options, files);
  if (!project) {
    CHECK(!project.error().message.empty());
    return;
  }
  // Whatever is wrong with it, the rest is looked at.
  const auto converted = compose::Convert(*project, files, wrong);
  CHECK(wrong.empty() || !wrong.Told().error().message.empty());
  for (const Json& object : converted.Objects()) {
    CHECK(object.contains("kind") && object.contains("apiVersion"));
    CHECK(ParseJson(DumpJson(object)) == object);
  }
}

// Files of variables: compose's, and those that a container writes for the kubelet to read.
void EnvFile(std::string_view bytes) {
  const auto lookup = [](const std::string& name) -> std::optional<std::string> {
    if (name == "HOST") return "h";
    return std::nullopt;
  };
  for (const bool raw : {false, true}) {
    const auto read = cli::compose::ParseEnvFile("some.env", bytes, {.lookup = lookup, .raw = raw});
    CHECK(read || !read.error().message.empty());
    if (read) CHECK(read->size() <= cli::compose::kVariablesMax);
  }
  const kubelet::EnvFile read = kubelet::ParseEnvFile(bytes);
  for (const auto& [name, value] : read.values) {
    CHECK(!name.empty() && name.find('=') == std::string::npos);
    // The end of a line may be two characters in the file.
    const bool as_it_stands = bytes.find(value) != std::string_view::npos;
    CHECK(as_it_stands || bytes.find('\r') != std::string_view::npos);
  }
}

}  // namespace skiff::fuzz
