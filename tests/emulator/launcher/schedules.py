"""Schedules in the time zone of their people.

The emulator reads every schedule as UTC, its CloudFormation forgets the zone and the dates, and an expression that it
can't read it never starts. Here, as in the EventBridge Scheduler User Guide, "Schedule types":

- a cron expression and an ``at()`` are local times of ``ScheduleExpressionTimezone``; a time that daylight saving
  skips is skipped, one that it repeats happens once, at its first;
- a cron expression counts from when it was made or changed, not from when the emulator first looked at it;
- an unknown zone or an unreadable expression is refused;
- ``<aws.scheduler.scheduled-time>`` and the other three keywords in a target's input are replaced ("Adding context
  attributes").

Left out: flexible time windows, retries and dead-letter queues of schedules.
"""

import zoneinfo
from datetime import datetime, timezone

from ministack.core.responses import error_response_json, new_uuid
from ministack.services import eventbridge, scheduler
from ministack.services.cloudformation import provisioners

# What the emulator's CloudFormation leaves out.
FORGOTTEN = ("ScheduleExpressionTimezone", "StartDate", "EndDate", "KmsKeyArn")


class Expression(str):
    """An expression that knows its zone, so that whoever reads it does."""

    zone = timezone.utc


class Fields(tuple):
    """A cron expression that was read, with its zone."""

    zone = timezone.utc


def install():
    # The zones of the lock file, not those of the machine.
    zoneinfo.reset_tzpath(to=())
    _wrap_reading()
    _wrap_creation()
    _wrap_input()


def _wrap_reading():
    tick, at, parse, following = (
        scheduler._tick_schedules,
        scheduler._at_time_epoch,
        eventbridge._parse_cron_fields,
        eventbridge._cron_next_fire,
    )

    def tick_with_zones():
        for key, schedule in list(scheduler._schedules._data.items()):
            expression = Expression(schedule.get("ScheduleExpression", ""))
            expression.zone = zoneinfo.ZoneInfo(schedule.get("ScheduleExpressionTimezone") or "UTC")
            schedule["ScheduleExpression"] = expression
            if parse(expression) is not None:
                last = scheduler._schedule_last_fired
                last[key] = max(last.get(key, 0), schedule["LastModificationDate"])
        tick()

    def at_in_zone(expression):
        epoch = at(expression)
        if epoch is None or not isinstance(expression, Expression):
            return epoch
        local = datetime.fromtimestamp(epoch, tz=timezone.utc).replace(tzinfo=expression.zone)
        return local.timestamp()

    def parse_with_zone(expression):
        fields = parse(expression)
        if fields is not None and isinstance(expression, Expression):
            fields = Fields(fields)
            fields.zone = expression.zone
        return fields

    def following_in_zone(fields, after):
        if not isinstance(fields, Fields):
            return following(fields, after)
        # The emulator's search, on the wall clock of the zone.
        wall = after.astimezone(fields.zone).replace(tzinfo=timezone.utc, fold=0)
        while (wall := following(fields, wall)) is not None:
            local = wall.replace(tzinfo=fields.zone)
            instant = local.astimezone(timezone.utc)
            is_skipped = instant.astimezone(fields.zone).replace(tzinfo=None) != local.replace(tzinfo=None)
            if not is_skipped and instant > after:
                return instant
        return None

    scheduler._tick_schedules = tick_with_zones
    scheduler._at_time_epoch = at_in_zone
    eventbridge._parse_cron_fields = parse_with_zone
    eventbridge._cron_next_fire = following_in_zone


def _wrap_creation():
    for name in ("_create_schedule", "_update_schedule"):
        setattr(scheduler, name, _checked(getattr(scheduler, name)))
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Scheduler::Schedule"]
    for step, properties in (("create", 1), ("update", 2)):
        handlers[step] = _whole(handlers[step], properties)


def _checked(change):
    def change_if_readable(name, body):
        if words := _unreadable(body):
            return error_response_json("ValidationException", words, 400)
        return change(name, body)

    return change_if_readable


def _unreadable(body):
    expression = body.get("ScheduleExpression") or ""
    readers = (scheduler._at_time_epoch, eventbridge._parse_rate_seconds, eventbridge._parse_cron_fields)
    if expression and all(read(expression) is None for read in readers):
        return f"Invalid Schedule Expression {expression}."
    zone = body.get("ScheduleExpressionTimezone") or "UTC"
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return f"Invalid ScheduleExpressionTimezone {zone}."
    return None


def _whole(provision, properties):
    def provision_whole(*arguments, **options):
        asked = arguments[properties]
        if words := _unreadable(asked):
            raise ValueError(words)
        made = provision(*arguments, **options)
        schedule = scheduler._schedules[f"{asked.get('GroupName', 'default')}/{made[0]}"]
        for name in FORGOTTEN:
            schedule[name] = asked.get(name)
        schedule["LastModificationDate"] = scheduler._now()
        return made

    return provision_whole


def _wrap_input():
    invoke = eventbridge._invoke_target

    def invoke_with_context(target, event, rule, *args, **kwargs):
        if event.get("Source") == "aws.scheduler" and isinstance(target.get("Input"), str):
            target = {**target, "Input": _with_context(target["Input"], event, rule)}
        return invoke(target, event, rule, *args, **kwargs)

    eventbridge._invoke_target = invoke_with_context


def _with_context(text, event, schedule):
    due = datetime.fromtimestamp(event["Time"], tz=timezone.utc).replace(second=0, microsecond=0)
    for keyword, value in (
        ("schedule-arn", schedule.get("Arn", "")),
        ("scheduled-time", due.strftime("%Y-%m-%dT%H:%M:%SZ")),
        ("execution-id", new_uuid()),
        ("attempt-number", "1"),
    ):
        text = text.replace(f"<aws.scheduler.{keyword}>", value)
    return text
