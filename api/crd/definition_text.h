// The text of a definition, cut into what is read of it at once and the schemas of its versions,
// nearly all of the text, which stay text until somebody needs one.
//
//   const DefinitionText cut = TRY(CutDefinition(view->body()));
//   for (auto& kind : MakeKinds(cut)) ...
#pragma once

#include <string_view>
#include <vector>

#include "api/values.h"
#include "base/error.h"

namespace skiff::crd {

// Lives no longer than the text.
struct DefinitionText {
  Json document;          // Without any openAPIV3Schema.
  std::string_view spec;  // As it stands there, whole.
  // Of each of spec.versions its openAPIV3Schema; "" where there is none.
  std::vector<std::string_view> schemas;
};

// Fails on what is no JSON object.
Result<DefinitionText> CutDefinition(std::string_view text);

}  // namespace skiff::crd
