// YAML bodies, and what we write as YAML.
#include "api/text/yaml.h"

#include "api/codec/json.h"
#include "base/error.h"
#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {

void Yaml(std::string_view bytes) {
  (void)ParseYamlStream(bytes);
  const auto yaml = ParseYaml(bytes);
  if (!yaml) {
    CHECK(!yaml.error().message.empty());
    return;
  }
  const std::string json = DumpJson(yaml->value);
  // JSON is read by another reader than behind a comment, and is the same to both.
  const auto behind_comment = ParseYaml("#\n" + std::string(bytes));
  if (behind_comment) CHECK(DumpJson(behind_comment->value) == json);
  const auto parsed = ParseJson(json);
  CHECK(parsed.has_value());
  // Objects come back out of YAML; nothing else is ever written as a whole document.
  if (!parsed->is_structured()) return;
  const auto again = ParseYaml(DumpYaml(*parsed));
  CHECK(again.has_value());
  CHECK(DumpJson(again->value) == DumpJson(*parsed));
}

}  // namespace skiff::fuzz
