"""Sends the closing messages: an event that grew after its alert is over, and the user wants to hear of that."""

from datetime import timedelta

from nightjar.domain.policy import Held, held_back
from nightjar.stores.digests import Closing, Closings
from nightjar.stores.events import Events
from nightjar.stores.reactions import Mutes
from nightjar_notify.addresses import addresses_for
from nightjar_notify.wording.alert import closing_notice, severity_of
from nightjar_tell.tellers import Done, Office

# Footage of an event may still be under way when the gap is over.
_BESIDE_THE_GAP = timedelta(minutes=1)


def tell_closing(office: Office, closing: Closing) -> Done:
    """Send the closing message of an event, if it is over by now; what nobody is to be told of is forgotten."""
    closings, camera = Closings(office.store), office.rules.device(closing.camera)
    event = Events(office.store).current(closing.camera, closing.event)
    if camera is None or not camera.closing or event is None or event.ended_at <= closing.told_until:
        closings.drop(closing)
        return Done("no-closing")
    if event.ended_at + office.rules.event_gap + _BESIDE_THE_GAP > office.now:
        return Done("goes-on")
    severity = severity_of(event, camera)
    mute = Mutes(office.store).get(camera.camera)
    why = held_back(office.now, severity, camera, mute, office.now, office.max_age)
    if why is Held.QUIET_HOURS:
        return Done("waits")  # for the end of the quiet hours
    if why is not None:
        closings.drop(closing)
        return Done("no-closing")
    notice = closing_notice(event, camera, office.links, closing.told_until)
    told = office.tell(notice, addresses_for(camera, severity), closing.event.day)
    if told.is_dealt_with:
        closings.drop(closing)
    return Done(f"closing-{told.outcome}", told, told.objects)
