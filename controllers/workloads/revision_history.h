// ControllerRevisions: the templates that a DaemonSet or StatefulSet has had, for undo. Pure.
#pragma once

#include <string>
#include <vector>

#include "api/gen/apps_v1.h"
#include "client/client.h"

namespace skiff {

using Revisions = std::vector<Ptr<apps_v1::ControllerRevision>>;

// {"spec":{"template":{..., "$patch":"replace"}}}: a strategic merge patch that brings it back.
Json TemplatePatch(const core_v1::PodTemplateSpec& pod_template);
// By revision, then age, then name.
void SortRevisions(Revisions& revisions);
// After the last that there can be comes the same again.
int64_t NextRevision(const Revisions& revisions);
// Those with this data.
Revisions EqualRevisions(const Revisions& revisions, const Json& data);
// The newest of them; nullptr when there is none.
Ptr<apps_v1::ControllerRevision> FindRevision(const Revisions& revisions, const Json& data);
Ptr<apps_v1::ControllerRevision> NewestRevision(const Revisions& revisions);
// The newest of all, if it brings back this template though its data says so in other words: as
// controllers of other versions wrote it, who put down what is not set or knew fewer defaults.
// nullptr when it does not.
Ptr<apps_v1::ControllerRevision> FindRevisionByMeaning(
    const Revisions& revisions, const core_v1::PodTemplateSpec& pod_template);
Result<core_v1::PodTemplateSpec> TemplateOf(const apps_v1::ControllerRevision& revision);
// The oldest ones beyond `limit`, not counting those whose names are in use: of a StatefulSet. A
// negative limit keeps all.
Revisions OutdatedRevisions(Revisions revisions, const std::vector<std::string>& in_use,
                            int32_t limit);
// The same where those in use count, but for the current one: of a DaemonSet, whose limit is not
// negative.
Revisions OutdatedRevisions(Revisions revisions, const std::string& current,
                            const std::vector<std::string>& in_use, int32_t limit);

}  // namespace skiff
