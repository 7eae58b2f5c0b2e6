#include "kafka_mode.h"

#include "expect.h"

using namespace hostler::model;
using Defect = KafkaScenario::Defect;

namespace {
const std::string seen_wrong = "a reader sees an output twice or out of order";
const std::string lost = "no good end can be reached any more";
}  // namespace

TEST_CASE("two producers in turn: each output once and in order, ids of the partition") {
  require_sound("rebalance", KafkaModeModel({}));
  require_sound("crash, rebalance", KafkaModeModel({.crashes = 1}));
  require_sound("commit in doubt, rebalance", KafkaModeModel({.losts = 1}));
  require_sound("failed produce, commit in doubt", KafkaModeModel({.losts = 1, .failures = 1, .rebalances = 0}));
  require_sound("crash, two commits in doubt", KafkaModeModel({.crashes = 1, .losts = 2, .rebalances = 0}));
}

TEST_CASE("two producers in turn: each output once and in order, ids of the owner and stable offsets") {
  require_sound("rebalance", KafkaModeModel({.own_ids = true}));
  require_sound("crash, rebalance", KafkaModeModel({.own_ids = true, .crashes = 1}));
  require_sound("commit in doubt, rebalance", KafkaModeModel({.own_ids = true, .losts = 1}));
}

TEST_CASE("outputs of the second before the first's are delivered come out of order") {
  require_found("early", KafkaModeModel({.defects = {Defect::outputs_early}}), seen_wrong);
}

TEST_CASE("the offset written later wins, so the second's must come later") {
  require_found("early", KafkaModeModel({.defects = {Defect::offset_early}}), seen_wrong);
}

TEST_CASE("a second that commits before the first is confirmed loses the first") {
  require_found("early", KafkaModeModel({.crashes = 1, .defects = {Defect::commits_early}}), lost);
}

TEST_CASE("offsets that are read before the producers are initialised miss a commit") {
  require_found("early", KafkaModeModel({.defects = {Defect::reads_before_init}}), seen_wrong);
}

TEST_CASE("after a commit in doubt the same producer must not go on") {
  require_found("goes on", KafkaModeModel({.losts = 1, .defects = {Defect::doubt_goes_on}}), seen_wrong);
}

TEST_CASE("after a commit in doubt both producers are built anew, and the offsets read again") {
  require_found("one only, and no offset", KafkaModeModel({.losts = 1, .defects = {Defect::rebuilds_one}}), lost);
}

TEST_CASE("with ids of the owner pending offsets must be waited for") {
  require_found("not waited for", KafkaModeModel({.own_ids = true, .defects = {Defect::reads_uncommitted}}), seen_wrong);
}

TEST_CASE("with ids of the owner offsets must carry the group generation") {
  require_found("without", KafkaModeModel({.own_ids = true, .defects = {Defect::no_generation}}), seen_wrong);
}
