// interview.so - the AI video interview platform's services; README.md says what they keep and when they say what.
#include "analytics_service.h"
#include "interview_service.h"
#include "user_service.h"

HOSTLER_PLUGIN(hostler::handler<interview::UserService>(
                   "interview.user-service",
                   {.version = "1.0.0",
                    .description = "users and their media, from user, auth and media events",
                    .flags = hostler::enqueues}),
               hostler::handler<interview::InterviewService>(
                   "interview.interview-service",
                   {.version = "1.0.0",
                    .description = "interviews and their scores, from interview events",
                    .flags = hostler::enqueues}),
               hostler::handler<interview::AnalyticsService>(
                   "interview.analytics-service",
                   {.version = "1.0.0",
                    .description = "activity per user, day and event type, from all events",
                    .flags = hostler::enqueues}));
