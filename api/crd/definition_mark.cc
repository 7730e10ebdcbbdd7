#include "api/crd/definition_mark.h"

#include "api/codec/document.h"
#include "api/codec/json.h"
#include "base/hash.h"

namespace skiff::crd {
namespace {

std::string DigestOf(const DefinitionText& definition) {
  const Json* names = FindPath(definition.document, "status.acceptedNames");
  return Sha256(DumpJson(names ? *names : Json()).append(definition.spec));
}

}  // namespace

DefinitionMark::DefinitionMark(const DefinitionText& definition) : digest_(DigestOf(definition)) {}

bool DefinitionMark::IsOf(uint64_t revision, std::string_view text) const {
  const MutexLock lock(mutex_);
  if (const auto known = answers_.find(revision); known != answers_.end()) return known->second;
  const auto definition = CutDefinition(text);
  const bool is_same = definition && DigestOf(*definition) == digest_;
  answers_.emplace(revision, is_same);
  if (answers_.size() > kAnswersMax) answers_.erase(answers_.begin());
  return is_same;
}

}  // namespace skiff::crd
