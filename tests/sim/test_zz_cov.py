import os, asyncio
import tests.sim.test_races as t
orig = t.check
async def check(day):
    p = day.race.worlds[0].pool
    for name, sql in {
      "orders": "SELECT fulfilment, payment, count(*) FROM orders.vendor_orders GROUP BY 1,2",
      "charges": "SELECT state, count(*) FROM settlement.charges GROUP BY 1",
      "tenders": "SELECT leg, provider, state, count(*) FROM settlement.tenders GROUP BY 1,2,3",
      "refunds": "SELECT state, dispute_id is not null as disp, count(*) FROM settlement.refunds GROUP BY 1,2",
      "cancel": "SELECT count(*) FROM settlement.cancellations",
      "disputes": "SELECT status, count(*) FROM settlement.disputes GROUP BY 1",
      "claims": "SELECT verdict, count(*) FROM wallet.claims GROUP BY 1",
      "payouts": "SELECT status, count(*) FROM payouts.payouts GROUP BY 1",
      "withdrawals": "SELECT status, count(*) FROM wallet.withdrawals GROUP BY 1",
      "moves": "SELECT kind, state, count(*) FROM wallet.moves GROUP BY 1,2",
      "payments": "SELECT provider,status, count(*) FROM payments.payments GROUP BY 1,2",
      "earn": "SELECT stage, reserve_stage, count(*) FROM payouts.earnings GROUP BY 1,2",
    }.items():
        print(name, [tuple(r.values()) for r in await p.fetch(sql)])
    print("failures", list(day.race.bus.failures.items())[:5])
    await orig(day)
t.check = check
from tests.sim.test_races import *
async def check2(day):
    p = day.race.worlds[0].pool
    for name, sql in {
      "UNPAID": "SELECT o.id, c.state, v.fulfilment, v.payment, v.reason FROM orders.orders o JOIN orders.vendor_orders v ON v.order_id=o.id LEFT JOIN settlement.charges c ON c.order_id=o.id WHERE o.id IN (SELECT id FROM ("+t.UNPAID_FOR+") u)",
      "UNPAIDt": "SELECT t.* FROM settlement.tenders t WHERE order_id IN (SELECT id FROM ("+t.UNPAID_FOR+") u)",
      "UNPAIDp": "SELECT status, changed_at, captured_minor, refunded_minor, decline_code FROM payments.payments t WHERE reference IN (SELECT id FROM ("+t.UNPAID_FOR+") u)",
      "KEPTr": "SELECT state, amount, reason, dispute_id, attempts FROM settlement.refunds WHERE vendor_order_id IN (SELECT vendor_order_id FROM ("+t.KEPT+") u)",
      "KEPTd": "SELECT status, done, lost, amount FROM settlement.disputes WHERE order_id IN (SELECT order_id FROM settlement.balances WHERE vendor_order_id IN (SELECT vendor_order_id FROM ("+t.KEPT+") u))",
      "KEPTs": "SELECT s.* FROM settlement.shares s WHERE vendor_order_id IN (SELECT vendor_order_id FROM ("+t.KEPT+") u)",
    }.items():
        r = [tuple(r.values()) for r in await p.fetch(sql)]
        if r: print("DETAIL", name, r)
    await check(day)
t.check = check2
