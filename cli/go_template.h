// Go's text/template, as `-o go-template` uses it on documents.
//
//   {{range .items}}{{.metadata.name}}{{"\n"}}{{end}}   {{if eq .kind "Pod"}}...{{else}}...{{end}}
//   {{with $x := .spec}}{{len $x.containers}}{{end}}    {{.data.user | base64decode | printf "%q"}}
//   {{define "row"}}{{.name}};{{end}}{{template "row" .metadata}}
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/values.h"

namespace skiff::cli {

struct TemplateNodes;

class GoTemplate {
 public:
  // Fails with Go's text: "template: output:1: unclosed action".
  static Result<GoTemplate> Parse(std::string_view text);
  // Missing members print "<no value>", or are an error. Fails with Go's text: "template:
  // output:1:7: executing "output" at <.kind.x>: can't evaluate field x in type interface {}";
  // `printed`, where it is not null, is then what was printed before.
  Result<std::string> Execute(const Json& document, bool allow_missing = true,
                              std::string* printed = nullptr) const;

 private:
  std::shared_ptr<const TemplateNodes> nodes_;
};

// As Go writes text into a page: with references for < > & " and '.
std::string HtmlEscaped(std::string_view text);

}  // namespace skiff::cli
